/** The element the page must have. A page without it is a mistake of ours, and says so. */
export function part<T extends Element>(root: ParentNode, selector: string): T {
  const found = root.querySelector<T>(selector);
  if (!found) throw new Error(`The page has no ${selector}`);
  return found;
}

/** A fresh copy of what a `<template>` holds: the server draws the parts, in the reader's language. */
export function fromTemplate<T extends HTMLElement>(id: string): T {
  const template = part<HTMLTemplateElement>(document, `template#${id}`);
  const element = template.content.firstElementChild;
  if (!element) throw new Error(`template#${id} is empty`);
  return element.cloneNode(true) as T;
}

/** Puts text, never markup, into a part. */
export function setText(root: ParentNode, selector: string, text: string): void {
  part(root, selector).textContent = text;
}
