// A picture from bytes that needed a key or token to be fetched, which an <img> cannot send.
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { drawOn } from "../session/screen.js";

interface PictureProps {
  readonly load: () => Promise<Blob | undefined>;
  /** Loads again when it changes. */
  readonly of: string | number | undefined;
  /** What is read aloud; empty: what is beside it says it. */
  readonly label: string;
  readonly class?: string;
  readonly style?: Readonly<Record<string, string>>;
}

/** Draws what `load` gives. The picture before stays until the next one is there; of many in short time each is drawn unless a later one was first. */
export function Picture({ load, of, label, class: name, style }: PictureProps): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [asked, drawn] = [useRef(0), useRef(0)];
  useEffect(() => {
    const mine = ++asked.current;
    void load()
      .then((blob) => (blob === undefined ? undefined : createImageBitmap(blob)))
      .then((bitmap) => {
        if (bitmap !== undefined && mine > drawn.current && canvas.current !== null) {
          drawn.current = mine;
          drawOn(canvas.current, bitmap);
        }
        bitmap?.close();
      })
      .catch(() => {
        // An empty place, rather than a picture of something else.
        if (mine <= drawn.current || canvas.current === null) return;
        drawn.current = mine;
        canvas.current.getContext("2d")?.clearRect(0, 0, canvas.current.width, canvas.current.height);
      });
  }, [of]);
  const spoken = label === "" ? ({ "aria-hidden": true } as const) : ({ role: "img", "aria-label": label } as const);
  return <canvas ref={canvas} class={name} style={style} {...spoken} />;
}
