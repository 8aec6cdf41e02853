// Light or dark: the system's choice, until somebody makes another one.
import { effect, signal } from "@preact/signals";
import { storageOr } from "../connection/storage.js";

const KEY = "vid2world.theme";
const THEMES = ["system", "light", "dark"] as const;

/** How the page is coloured. */
export type Theme = (typeof THEMES)[number];

const storage = storageOr(() => window.localStorage);
const stored = storage.getItem(KEY);

/** The chosen theme. */
export const theme = signal<Theme>(THEMES.find((known) => known === stored) ?? "system");

const darkSystem = matchMedia("(prefers-color-scheme: dark)");
const systemIsDark = signal(darkSystem.matches);
darkSystem.addEventListener("change", ({ matches }) => (systemIsDark.value = matches));

effect(() => {
  const chosen = theme.value === "system" ? (systemIsDark.value ? "dark" : "light") : theme.value;
  document.documentElement.dataset["theme"] = chosen;
  storage.setItem(KEY, theme.value);
});

/** The next of the three. */
export function nextTheme(): void {
  theme.value = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length] ?? "system";
}
