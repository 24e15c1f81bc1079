/** Escape in a form that stands in place of something brings that back: it presses the form's own way out. */
export function watchEscape(): void {
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const form = (event.target as Element).closest?.("form[data-leaves-with-escape]");
    form?.querySelector<HTMLElement>("[data-leave]")?.click();
  });
}
