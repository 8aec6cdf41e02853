// What is written can be read, in light and in dark: https://www.w3.org/TR/WCAG22/#contrast-minimum asks for 4.5 to 1.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

const css = readFileSync(new URL("base.css", import.meta.url), "utf8");

/** The colours of a rule by name: red, green, blue, 0 to 1. */
function coloursOf(selector: string): Map<string, number[]> {
  const rule = css.slice(css.indexOf(`${selector} {`)).split("}")[0] ?? "";
  const found = [...rule.matchAll(/--([a-z-]+): #([0-9a-f]{6});/g)];
  return new Map(
    found.map(([, name = "", hex = ""]) => [name, [0, 2, 4].map((i) => parseInt(hex.slice(i, i + 2), 16) / 255)]),
  );
}

function luminance(colour: readonly number[] | undefined): number {
  if (colour === undefined) throw new Error("no such colour");
  const [red = 0, green = 0, blue = 0] = colour.map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

const PAIRS = [
  ...["ground", "raised", "sunk", "accent-soft", "bad-soft"].map((ground) => ["text", ground]),
  ...["ground", "raised", "sunk"].map((ground) => ["soft", ground]),
  ["accent", "accent-soft"],
  ["on-accent", "accent"],
  ["bad", "bad-soft"],
];

test.each([":root", ':root[data-theme="dark"]'])("%s", (selector) => {
  const colours = coloursOf(selector);
  for (const [front = "", ground = ""] of PAIRS) {
    const [dark = 0, bright = 0] = [luminance(colours.get(front)), luminance(colours.get(ground))].toSorted((a, b) => a - b); // prettier-ignore
    expect((bright + 0.05) / (dark + 0.05), `${front} on ${ground}`).toBeGreaterThanOrEqual(4.5);
  }
});
