// Players of a soak test: who come, hold keys, rewind, branch, leave, lose their connection, come back, read slowly, and one who talks nonsense.
import {
  RemoteError,
  type RemoteSession,
  type RemoteWorld,
  remoteWorld,
} from "@vid2world/world/serving/protocol/client";
import type { FrameMessage } from "@vid2world/world/serving/protocol/frame-codec";
import type { PlaySocket } from "@vid2world/world/serving/protocol/play-socket";
import { connectPlay } from "@vid2world/world/serving/connect-play";

/** What players saw and did, in all. */
export interface Tally {
  frames: number;
  /** Milliseconds of each frame since the last look: its wait, model, decoder, encoder. */
  readonly frameTimes: number[];
  /** How often each of the things was done. */
  readonly did: Record<string, number>;
  /** Frames that were shown, and that the server did not know any more when the player left. */
  framesLost: number;
  /** Frames of one action from one node that differed in two sessions. */
  framesUnequal: number;
  /** Refusals that are right: no place is free. */
  readonly refused: Record<string, number>;
  /** What should not have happened. */
  readonly errors: string[];
}

/** A tally of nothing. */
export const newTally = (): Tally => ({
  ...{ frames: 0, frameTimes: [], did: {}, framesLost: 0, framesUnequal: 0, refused: {}, errors: [] },
});

/** What a player knows, and how it plays. */
export interface PlayerOptions {
  readonly address: string;
  readonly tally: Tally;
  /** Frames per second that it asks for. */
  readonly fps: number;
  /** In [0, 1): the same ones in the same order for the same seed. */
  readonly random: () => number;
  /** Shows each frame only after so many milliseconds. */
  readonly slow?: number;
  /** Aborted: it closes its session and goes home. */
  readonly until: AbortSignal;
}

/** Plays one session after the other until it is told to stop. */
export async function playOn(options: PlayerOptions): Promise<void> {
  const { until, tally } = options;
  while (!until.aborted) {
    await playOnce(options).catch((error: unknown) => note(tally, error));
    await pause(2 + 8 * options.random(), until);
  }
}

/** From `open` to `close`: some minutes. */
async function playOnce(options: PlayerOptions): Promise<void> {
  const { address, random, until, tally } = options;
  const remote = remoteWorld(address);
  const shown = new Set<number>();
  const starts = await remote.starts();
  const id = starts[Math.floor(random() * starts.length)]?.id ?? "";
  const start = random() < 0.1 ? await uploaded(remote, id, tally) : ({ kind: "gallery", id } as const);
  let play = await join(options, shown);
  const opened = await play.request({ type: "open", protocol: 1, start, seed: Math.floor(random() * 2 ** 31) });
  did(tally, "opened");
  const session = remote.attach(opened);
  try {
    const phases = 2 + Math.floor(random() * 5);
    for (let phase = 0; phase < phases && !until.aborted; phase++) {
      await play.request({ type: "play", fps: options.fps });
      await pause(10 + 25 * random(), until);
      await play.request({ type: "pause" });
      if (random() < 0.2) {
        // Some stay away so short that the session is still in the engine, some so long that it comes back from the disk.
        play.end();
        await pause(random() < 0.5 ? 5 : 130 + 20 * random(), until);
        play = await join(options, shown);
        const back = { session: opened.session, key: opened.key };
        await play.request({ type: "resume", protocol: 1, ...back });
        did(tally, "came back");
      } else await interlude(session, play, shown, options);
    }
    const known = new Set((await session.state()).nodes.map(({ node }) => node));
    for (const node of shown) if (!known.has(node)) tally.framesLost++;
  } finally {
    await play.request({ type: "close" }).catch(async () => session.close());
    play.end();
    did(tally, "closed");
  }
}

/** A connection of which every frame counts. */
async function join({ address, tally, random, slow }: PlayerOptions, shown: Set<number>): Promise<PlaySocket> {
  let sequence = 0;
  const play = await connectPlay(address, {
    frame: async (frame) => {
      take(frame, shown, tally);
      play.tell({ type: "action", action: { forward: 2 * random() - 1 }, sequence: ++sequence });
      if (slow !== undefined) await pause(slow / 1000);
    },
    news: (news) => {
      if (news.type === "error") tally.errors.push(`${news.code}: ${news.message}`);
      else if (news.type !== "state") did(tally, news.type);
    },
    ended: (code) => void tally.errors.push(`a connection ended with ${code}`),
  });
  return play;
}

function take({ node, pixels, timings }: FrameMessage, shown: Set<number>, tally: Tally): void {
  if (pixels[0] !== 0xff || pixels[1] !== 0xd8) tally.errors.push("a frame is no JPEG");
  const { wait, model, decode, encode } = timings;
  tally.frames++;
  tally.frameTimes.push(wait + model + decode + encode);
  shown.add(node);
}

/** What players do between playing, one of it. */
async function interlude(
  session: RemoteSession,
  play: PlaySocket,
  shown: ReadonlySet<number>,
  { address, random, tally }: PlayerOptions,
): Promise<void> {
  const nodes = [...shown];
  const earlier = nodes[Math.floor(random() * nodes.length)] ?? 0;
  const remote = remoteWorld(address);
  const things: Record<string, () => Promise<void>> = {
    rewound: async () => void (await play.request({ type: "goto", node: earlier })),
    branched: async () => {
      const action = { forward: 2 * random() - 1 };
      const twin = await session.fork();
      try {
        const [[ours], [its]] = await Promise.all([session, twin].map((one) => one.step(action, { from: earlier, format: "rgb" }))) as [FrameMessage[], FrameMessage[]]; // prettier-ignore
        if (!equal(ours?.pixels, its?.pixels)) tally.framesUnequal++;
      } finally {
        await twin.close();
      }
    },
    restored: async () => {
      const copy = await remote.restore(await session.snapshot());
      await copy.step({ forward: 1 }).finally(() => copy.close());
    },
    "looked back": async () => void (await session.picture(earlier)),
    "kept the file": async () => void (await session.file()),
    "changed settings": async () =>
      void (await play.request({ type: "settings", settings: { guidanceScale: random() < 0.5 ? 1 : 2 } })),
  };
  const [what = "", how] = Object.entries(things)[Math.floor(random() * Object.keys(things).length)] ?? [];
  await how?.().then(
    () => did(tally, what),
    (error: unknown) => note(tally, error),
  );
}

/** A start of one's own. */
async function uploaded(remote: RemoteWorld, id: string, tally: Tally): Promise<{ kind: "upload"; id: string }> {
  const { id: own } = await remote.upload(await remote.startPicture(id));
  did(tally, "uploaded");
  return { kind: "upload", id: own };
}

/** Now and then sends what no client should, until it is told to stop. */
export async function talkNonsense({ address, random, until, tally }: PlayerOptions): Promise<void> {
  const nonsense: unknown[] = [
    { type: "open", protocol: 99, start: { kind: "gallery", id: "../../etc/passwd" } },
    { type: "resume", protocol: 1, session: "x", key: "y" },
    { type: "step", action: { forward: "fast" } },
    { type: "goto", node: -1 },
    { kind: "play" },
    { type: "action", action: { forward: 1e308 }, sequence: 0.5 },
    { type: "open", protocol: 1, start: { kind: "gallery", id: "x".repeat(100_000) } },
  ];
  while (!until.aborted) {
    await pause(5 + 15 * random(), until);
    let hear: () => void = () => undefined;
    const heard = new Promise<void>((resolve) => (hear = resolve));
    const play = await connectPlay(address, { frame: () => undefined, news: hear, ended: hear });
    play.request(nonsense[Math.floor(random() * nonsense.length)] as never).then(
      () => tally.errors.push("nonsense was answered"),
      () => hear(),
    );
    await Promise.race([heard, pause(5)]);
    play.end();
    did(tally, "talked nonsense");
    const { ok } = await fetch(`${address}/api/v1/sessions`, { method: "POST", body: "{" });
    if (ok) tally.errors.push("a broken body was taken");
  }
}

function note(tally: Tally, error: unknown): void {
  const right = error instanceof RemoteError && error.code === "server-full";
  if (right) tally.refused[error.code] = (tally.refused[error.code] ?? 0) + 1;
  else tally.errors.push(error instanceof Error ? `${error.name}: ${error.message}` : String(error));
}

const did = (tally: Tally, what: string): void => void (tally.did[what] = (tally.did[what] ?? 0) + 1);

const equal = (a: Uint8Array | undefined, b: Uint8Array | undefined): boolean =>
  a !== undefined && b !== undefined && Buffer.compare(a, b) === 0;

/** Some seconds, or until it is told to stop. */
export async function pause(seconds: number, until?: AbortSignal): Promise<void> {
  if (until?.aborted) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      until?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, seconds * 1000);
    until?.addEventListener("abort", done, { once: true });
  });
}
