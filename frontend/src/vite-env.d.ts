/// <reference types="vite/client" />

interface Window {
  htmx?: { process(element: Element): void };
}
