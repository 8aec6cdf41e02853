// The result of `bench streaming` for the terminal.
import type { StreamingResult } from "./run-streaming.js";
import { textTable } from "@vid2world/formats/text-table";

/** One table per network: processor time of each part, memory, and what streaming gains. */
export function showStreaming({ cases }: StreamingResult): string {
  return cases
    .map(({ name, latents, contexts }) => {
      const steps = contexts[0]?.gain.map((gain) => gain.steps) ?? [];
      const heading = [
        `${name}, latents ${latents.join("x")}: context`,
        ...["window ms", "new frame ms", "commit ms", "prefill ms", "prefill / window", "memory MiB"],
        ...steps.map((count) => `gain at ${count} steps`),
      ];
      const rows = contexts.map(({ context, parts, memoryBytes, prefillRatio, gain }) => [
        String(context),
        ...(["window", "newFrame", "commit", "prefill"] as const).map((part) => parts[part].cpuTime.minimum.toFixed(1)),
        prefillRatio.toFixed(2),
        (memoryBytes / 2 ** 20).toFixed(2),
        ...gain.map(({ ratio }) => `${ratio.toFixed(1)}x`),
      ]);
      return textTable([heading, ...rows]);
    })
    .concat(
      "Milliseconds of processor time, the least of all rounds. Gain: frames of whole windows against streamed frames, each of them committed.",
    )
    .join("\n\n");
}
