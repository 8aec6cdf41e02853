// Recording what is played, and saving files: videos and sessions.
import { signal } from "@preact/signals";
import { encodeVideo } from "../record/encode-video.js";
import type { Player } from "../session/player.js";

/** How many pictures were on the screen since the recording began; undefined: none runs. */
export const recordedFrames = signal<number | undefined>(undefined);
let pictures: Blob[] = [];

/** Share of a video that is encoded; undefined: none is. */
export const encoding = signal<number | undefined>(undefined);

/** Begins a recording of what is played, or ends it and saves the video. */
export function toggleRecording(player: Player): void {
  if (recordedFrames.value !== undefined) return endRecording(player);
  recordedFrames.value = 0;
  player.onDrawn = (picture) => (recordedFrames.value = pictures.push(picture));
}

/** Ends a recording, if one runs, and saves the video. It needs no session any more. */
export function endRecording(player: Player): void {
  if (recordedFrames.value === undefined) return;
  const taken = pictures;
  player.onDrawn = undefined;
  recordedFrames.value = undefined;
  pictures = [];
  if (taken.length === 0) player.state.notify("plain", "Nothing was played, so there is no video.");
  else void saveVideo(player, taken.map((picture) => () => Promise.resolve(picture))); // prettier-ignore
}

/** The whole way to the end of the branch as a video file. */
export function saveBranch(player: Player): void {
  const { timeline, branch } = player.state;
  const nodes = timeline.value
    .way(branch.value)
    .flatMap(({ branch: part, lastFrame }) => part.nodes.slice(0, lastFrame - part.firstFrame + 1));
  void saveVideo(player, nodes.map((node) => () => player.picture(node))); // prettier-ignore
}

async function saveVideo(player: Player, pictures: readonly (() => Promise<Blob>)[]): Promise<void> {
  const { state } = player;
  encoding.value = 0;
  try {
    const { blob, extension } = await encodeVideo(
      pictures,
      state.world.value?.fps ?? 10,
      (share) => (encoding.value = share),
    );
    save(blob, fileName(player, extension));
    state.notify("good", `Saved ${pictures.length} frames as a video.`);
  } catch (error) {
    state.notify("bad", `The video could not be made: ${error instanceof Error ? error.message : "unknown"}`);
  } finally {
    encoding.value = undefined;
  }
}

/** The session as a file that plays it again. */
export async function saveSession(player: Player): Promise<void> {
  const { state } = player;
  const session = state.session.value;
  if (session === undefined) return;
  try {
    const file = await session.remote.file();
    save(new Blob([JSON.stringify(file)], { type: "application/json" }), fileName(player, "session.json"));
  } catch (error) {
    state.notify("bad", `The session could not be saved: ${error instanceof Error ? error.message : "unknown"}`);
  }
}

function fileName(player: Player, extension: string): string {
  const time = new Date().toISOString().slice(0, 19).replaceAll(":", "-");
  return `${player.state.world.value?.name ?? "world"}-${time}.${extension}`;
}

function save(blob: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
