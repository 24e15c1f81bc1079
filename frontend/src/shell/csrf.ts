/** The token that proves a request comes from a page of ours; Django writes it into the head. */
export function csrfToken(): string {
  return document.querySelector<HTMLMetaElement>('meta[name="csrf-token"]')?.content ?? "";
}

/** Adds the token to every request that htmx sends. */
export function sendCsrfTokens(): void {
  document.addEventListener("htmx:config:request", (event) => {
    const context = (event as CustomEvent<{ ctx?: { request?: { headers?: Record<string, string> } } }>).detail.ctx;
    if (context?.request?.headers) context.request.headers["X-CSRFToken"] = csrfToken();
  });
}
