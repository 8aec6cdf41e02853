// The contact sheet is one whole page that needs nothing else, and never lets text become markup.

import { expect, test } from "vitest";
import { contactSheetHtml } from "./contact-sheet.js";

const scores = { psnr: [21.04, 19.5], ssim: [0.7, 0.6], psnrMean: 20.27, ssimMean: 0.65 };

test("holds the scores, the pictures and both colour schemes, and loads nothing from outside", () => {
  const html = contactSheetHtml({
    title: "doom",
    summary: "two starts",
    scores: [
      ["model", scores],
      ["repeat last frame", scores],
    ],
    sections: [
      { title: "one", rows: [{ caption: "truth", image: Uint8Array.of(1, 2), mediaType: "image/png", alt: "frames" }] },
    ],
    links: [["metrics.json", "metrics.json"]],
  });
  expect(html).toMatch(/^<!doctype html>/);
  expect(html).toContain("<td>21.0</td>");
  expect(html).toContain("data:image/png;base64,AQI=");
  expect(html).toContain("prefers-color-scheme: dark");
  expect(html).not.toMatch(/(src|href)="https?:/);
});

test("escapes every text", () => {
  const html = contactSheetHtml({
    title: "<script>",
    summary: `"&'`,
    scores: [["<b>", scores]],
    sections: [
      {
        title: "<i>",
        note: "<u>",
        rows: [{ caption: "<s>", image: new Uint8Array(1), mediaType: "image/png", alt: `"><p>` }],
      },
    ],
    links: [["<em>", `"><q>`]],
  });
  for (const tag of ["<script", "<b>", "<i>", "<u>", "<s>", "<em>", "<q>", `"><p>`]) expect(html).not.toContain(tag);
});
