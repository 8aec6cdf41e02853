// Clips side by side on a page: one bar scrubs all of them together. Without a program the page shows first frames.
import { escapeHtml as escape } from "../../page/escape.js";
import type { FrameStrip } from "./frame-strip.js";

/** One picture of a row: the truth or what a system made of it. */
export interface ViewedPanel {
  readonly caption: string;
  readonly strip: FrameStrip;
}

/** A clip with its panels. */
export interface ViewedClip {
  readonly title: string;
  /** Its scores, in a line. */
  readonly note: string;
  readonly panels: readonly ViewedPanel[];
}

/** Styles of the viewer. */
export const viewerStyle = `
.bar { position: sticky; top: 0; z-index: 1; display: flex; gap: .75rem; align-items: center; padding: .6rem 0; background: var(--page); border-bottom: 1px solid var(--line); }
.bar input { flex: 1; min-width: 6rem; accent-color: var(--series0); } .bar output { font-variant-numeric: tabular-nums; min-width: 7rem; color: var(--quiet); font-size: .9rem; }
.bar button { font: inherit; min-width: 5rem; padding: .25rem .75rem; color: var(--text); background: var(--card); border: 1px solid var(--line); border-radius: 6px; cursor: pointer; }
:focus-visible { outline: 2px solid var(--series0); outline-offset: 2px; }
.clip { margin: 1.25rem 0; } .clip > h3 { overflow-wrap: anywhere; } .clip > p { font-size: .85rem; margin: 0 0 .4rem; }
.panels { display: flex; flex-wrap: wrap; gap: .75rem; } .panels figure { padding: .5rem; width: min(100%, 15.5rem); } .panels figcaption { margin: .35rem 0 0; }
.frame { width: 100%; background-size: 100% auto; background-repeat: no-repeat; border-radius: 3px; image-rendering: auto; }
`;

/** Moves all strips together: by the slider (arrow keys too), the button, or the space bar. */
export const viewerScript = `
"use strict";
(() => {
  const slider = document.querySelector("#scrub"), label = document.querySelector("#at"), play = document.querySelector("#play");
  const frames = [...document.querySelectorAll(".frame")];
  let timer;
  const show = () => {
    const t = Number(slider.value);
    for (const frame of frames) {
      const last = Number(frame.dataset.frames) - 1;
      frame.style.backgroundPosition = "0 " + (last > 0 ? 100 * Math.min(t, last) / last : 0) + "%";
    }
    label.textContent = "frame " + (t + 1) + " of " + (Number(slider.max) + 1);
  };
  const stop = () => { clearInterval(timer); timer = undefined; play.textContent = "Play"; play.setAttribute("aria-pressed", "false"); };
  const start = () => {
    play.textContent = "Pause"; play.setAttribute("aria-pressed", "true");
    timer = setInterval(() => { slider.value = String((Number(slider.value) + 1) % (Number(slider.max) + 1)); show(); }, 1000 / Number(slider.dataset.fps));
  };
  const toggle = () => timer === undefined ? start() : stop();
  slider.addEventListener("input", () => { stop(); show(); });
  play.addEventListener("click", toggle);
  document.addEventListener("keydown", (event) => {
    if (event.key === " " && event.target === document.body) { event.preventDefault(); toggle(); }
  });
  show();
})();
`;

/** The bar and the clips. `fps` is how fast it plays. */
export function viewerHtml(clips: readonly ViewedClip[], fps: number): string {
  const frames = Math.max(1, ...clips.flatMap(({ panels }) => panels.map(({ strip }) => strip.frames)));
  const bar = `<div class="bar"><button id="play" type="button" aria-pressed="false">Play</button><input id="scrub" type="range" min="0" max="${frames - 1}" value="0" data-fps="${fps}" aria-label="frame of all clips"><output id="at" for="scrub">frame 1 of ${frames}</output></div>`;
  return `${bar}\n${clips.map(clip).join("\n")}`;
}

function clip({ title, note, panels }: ViewedClip): string {
  const figures = panels.map(({ caption, strip }) => {
    const { jpeg, width, height, frames } = strip;
    const source = `data:image/jpeg;base64,${Buffer.from(jpeg).toString("base64")}`;
    return `<figure><div class="frame" role="img" aria-label="${escape(`${title}: ${caption}`)}" data-frames="${frames}" style="aspect-ratio: ${width} / ${height}; background-image: url(${source})"></div><figcaption>${escape(caption)}</figcaption></figure>`;
  });
  return `<div class="clip"><h3>${escape(title)}</h3><p>${escape(note)}</p><div class="panels">${figures.join("")}</div></div>`;
}
