// What is told once, and goes by itself.
import type { JSX } from "preact";
import { usePlayer } from "./context.js";
import { sentence } from "./sentence.js";

/** The notices of the last seconds, read aloud by screen readers. */
export function Notices(): JSX.Element {
  const { notices } = usePlayer().state;
  return (
    <div class="notices" role="status" aria-live="polite">
      {notices.value.map(({ id, tone, text }) => (
        <p key={id} class={`notice ${tone}`}>
          {sentence(text)}
        </p>
      ))}
    </div>
  );
}
