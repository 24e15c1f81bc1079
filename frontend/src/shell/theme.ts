/** Light, dark, or as the system has it. The choice is a cookie, so that the server can draw the page right at once. */
type Theme = "system" | "light" | "dark";

const YEAR_IN_SECONDS = 31_536_000;

export function watchThemeSwitch(): void {
  document.addEventListener("click", (event) => {
    const button = (event.target as Element).closest<HTMLElement>("[data-set-theme]");
    if (button) choose(button.dataset.setTheme as Theme);
  });
}

function choose(theme: Theme): void {
  const root = document.documentElement;
  if (theme === "system") root.removeAttribute("data-theme");
  else root.dataset.theme = theme;
  remember(theme);
  for (const button of document.querySelectorAll<HTMLElement>("[data-set-theme]")) {
    button.setAttribute("aria-pressed", String(button.dataset.setTheme === theme));
  }
}

function remember(theme: Theme): void {
  const age = theme === "system" ? 0 : YEAR_IN_SECONDS;
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `theme=${theme}; path=/; max-age=${age}; SameSite=Lax${secure}`;
}
