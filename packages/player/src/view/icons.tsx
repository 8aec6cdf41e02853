// The few icons of the page, drawn on 16 by 16.
import type { JSX } from "preact";

const PATHS = {
  play: "M4.5 2.8v10.4L13 8z",
  pause: "M4 3h3v10H4zM9 3h3v10H9z",
  step: "M3 3v10l7-5zM11 3h2v10h-2z",
  back: "M13 3v10L6 8zM3 3h2v10H3z",
  again: "M8 3a5 5 0 1 1-4.6 3h1.7A3.4 3.4 0 1 0 8 4.6V7L4.2 3.8 8 .8z",
  record: "M8 3.5a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9z",
  stop: "M4 4h8v8H4z",
  full: "M2 2h5v1.6H3.6V7H2zM9 12.4h3.4V9H14v5H9zM9 2h5v5h-1.6V3.6H9zM2 9h1.6v3.4H7V14H2z",
  compare: "M2 3h5v10H2zM9 3h5v10H9zM10.5 4.5v7h2v-7z",
  save: "M7.2 2h1.6v5.6l2-2L12 6.8 8 10.8l-4-4 1.2-1.2 2 2zM2.5 12.4h11V14h-11z",
  film: "M2 3h12v10H2zM3.5 4.5v1.5H5V4.5zM3.5 7.2v1.6H5V7.2zM3.5 10v1.5H5V10zM11 4.5v1.5h1.5V4.5zM11 7.2v1.6h1.5V7.2zM11 10v1.5h1.5V10zM6.5 4.5v7h3v-7z",
  gallery: "M2 2h5v5H2zM9 2h5v5H9zM2 9h5v5H2zM9 9h5v5H9z",
  help: "M8 1.5a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13zm0 1.5a5 5 0 1 0 0 10A5 5 0 0 0 8 3zm-.8 7.2h1.6v1.6H7.2zM8 4.4c1.5 0 2.5.9 2.5 2.1 0 1.5-1.7 1.7-1.7 2.9H7.3c0-2 1.6-2 1.6-2.9 0-.4-.4-.7-.9-.7s-1 .3-1 .9H5.4C5.4 5.3 6.5 4.4 8 4.4z",
  theme: "M8 1.5a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13zM8 3v10A5 5 0 0 0 8 3z",
} as const;

/** A picture on a button; the button itself carries the words. */
export function Icon({ name }: { readonly name: keyof typeof PATHS }): JSX.Element {
  return (
    <svg
      class="icon"
      viewBox="0 0 16 16"
      width="16"
      height="16"
      fill="currentColor"
      fill-rule="evenodd"
      aria-hidden="true"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
