// A picture from bytes that needed a key or token to be fetched, which an <img> cannot send.
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { drawOn } from "../session/screen.js";

interface PictureProps {
  readonly load: () => Promise<Blob | undefined>;
  /** Loads again when it changes. */
  readonly of: string | number | undefined;
  readonly label: string;
  readonly class?: string;
}

/** Draws what `load` gives. The picture before stays until the next one is there. */
export function Picture({ load, of, label, class: name }: PictureProps): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    let isCurrent = true;
    void load()
      .then((blob) => (blob === undefined ? undefined : createImageBitmap(blob)))
      .then((bitmap) => {
        if (bitmap !== undefined && isCurrent && canvas.current !== null) drawOn(canvas.current, bitmap);
        bitmap?.close();
      })
      .catch(() => undefined); // an empty place; what is missing is said elsewhere
    return () => void (isCurrent = false);
  }, [of]);
  return <canvas ref={canvas} class={name} role="img" aria-label={label} />;
}
