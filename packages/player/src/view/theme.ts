// Light or dark: the system's choice, until somebody makes another one.
import { effect, signal } from "@preact/signals";

const KEY = "vid2world.theme";
const THEMES = ["system", "light", "dark"] as const;

/** How the page is coloured. */
export type Theme = (typeof THEMES)[number];

const stored = localStorage.getItem(KEY);

/** The chosen theme. */
export const theme = signal<Theme>(THEMES.find((known) => known === stored) ?? "system");

effect(() => {
  document.documentElement.dataset["theme"] = theme.value;
  localStorage.setItem(KEY, theme.value);
});

/** The next of the three. */
export function nextTheme(): void {
  theme.value = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length] ?? "system";
}
