// What `vid2world play` does: opens world, gallery and log, starts the server, waits for Ctrl-C, and takes everything down in order.
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { invalid } from "@vid2world/formats";
import type { Device } from "@vid2world/torch";
import type { Engine } from "@vid2world/world/serving/engine";
import { enginePool } from "@vid2world/world/serving/engine-pool";
import { type EngineEvent, engineProcess } from "@vid2world/world/serving/engine-process";
import { releaseMemoryRegularly } from "@vid2world/world/serving/release-memory";
import { isLoopback } from "@vid2world/world/serving/server/access";
import { openGallery } from "@vid2world/world/serving/server/gallery/open-gallery";
import { openServerLog } from "@vid2world/world/serving/server/server-log";
import { openFolderStore } from "@vid2world/world/serving/server/session-store";
import { type RunningServer, type ServerOptions, startServer } from "@vid2world/world/serving/server/start-server";
import { checkOptions } from "./check-options.js";
import { type ModelFlags, type ModelToPlay, modelToPlay } from "./model-to-play.js";
import { networkAddress } from "./network-address.js";
import { openPage } from "./open-page.js";

/** The command's options. */
export interface PlayOptions extends ModelFlags {
  readonly dtype?: "float32" | "float16" | "bfloat16" | undefined;
  readonly start?: readonly string[] | undefined;
  readonly device: string;
  readonly threads?: number | undefined;
  readonly sessions: number;
  readonly sessionsPerAddress?: number | undefined;
  readonly open: boolean;
  readonly verbose?: true | undefined;
  readonly host: string;
  readonly port?: number | undefined;
  readonly token?: string | undefined;
  readonly tokenFile?: string | undefined;
  readonly insecure?: true | undefined;
  readonly origin?: readonly string[] | undefined;
  readonly trustProxy?: true | undefined;
  readonly state?: string | undefined;
  readonly keepGib: number;
  readonly log?: string | undefined;
}

const USUAL_PORT = 8008;
const CACHE = join(homedir(), ".cache", "vid2world");

/** Serves until the process is asked to stop. */
export async function playWorld(options: PlayOptions): Promise<void> {
  const listening = await checkOptions(options);
  const logFile = options.log ?? join(CACHE, "play.log");
  const log = openServerLog(options.verbose ? { to: 2, level: "debug" } : { to: logFile });
  let server: RunningServer | undefined;
  const scratch = await mkdtemp(join(tmpdir(), "vid2world-play-"));
  let engine: Engine | undefined;
  try {
    const { starts: own, ...model } = await modelToPlay(options, scratch);
    const starts = startsOf(own, options);
    engine = await openEngine(model, options, (event) => server?.engineEvent(event));
    const gallery = await openGallery(starts, engine.world);
    server = await listen(options, {
      ...{ engine, gallery, log, ...listening },
      limits: {
        ...{ sessions: options.sessions, sessionsPerAddress: shareOf(options) },
        keptBytes: options.keepGib * 2 ** 30,
      },
      store: await openFolderStore(options.state ?? join(CACHE, "sessions")),
      ...(options.origin && { origins: options.origin }),
      ...(options.trustProxy && { trustProxy: true }),
      ...pageOf(),
    });
    const { token } = listening;
    const query = token === undefined ? "" : `/?token=${encodeURIComponent(token)}`;
    console.log(`${engine.world.name} is at ${server.address}${query}`);
    const others = networkAddress(server.address, options.host);
    if (others !== undefined) console.log(`for others: ${others}${query}`);
    console.log("Ctrl-C ends it and saves the sessions.");
    if (options.open) openPage(`${server.address}${query}`);
    releaseMemoryRegularly();
    await stopped();
    console.log("saving sessions");
    await server.close();
  } finally {
    await engine?.shutdown();
    await rm(scratch, { recursive: true, force: true });
  }
}

/** A process per device, as one engine. A crash of one takes nothing with it; where one cannot be started, none is left running. */
async function openEngine(
  { world, load }: Pick<ModelToPlay, "world" | "load">,
  { device: devices, threads, dtype }: PlayOptions,
  onEvent: (event: EngineEvent) => void,
): Promise<Engine> {
  const shared = { world, onEvent, ...(threads !== undefined && { threads }) };
  const started = await Promise.allSettled(
    devices.split(",").map((device) => {
      return engineProcess({ ...shared, load: { ...load, ...(dtype && { dtype }), device: device.trim() as Device } });
    }),
  );
  const engines = started.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
  try {
    const failed = started.find((one) => one.status === "rejected");
    if (failed) throw failed.reason;
    return enginePool(engines);
  } catch (error) {
    await Promise.all(engines.map((engine) => engine.shutdown()));
    throw error;
  }
}

/** What the user names, or what the world was trained on. */
function startsOf(starts: string | undefined, { start }: PlayOptions): readonly string[] {
  if (start) return start;
  if (starts !== undefined && existsSync(starts)) return [starts];
  const why = starts === undefined ? "names none of its own" : `has its own in ${starts}, which is not there`;
  throw invalid("--start", `recordings, a data set, a picture or a video, as this world ${why}`, undefined);
}

/** Sessions of one address. On this machine everything has the same one. */
function shareOf({ sessionsPerAddress, sessions, host, trustProxy }: PlayOptions): number {
  const usual = isLoopback(host) && !trustProxy ? Infinity : Math.ceil(sessions / 2);
  return sessionsPerAddress ?? usual;
}

/** The usual port, or any free one where the user did not ask for it and somebody else has it. */
async function listen({ port }: PlayOptions, options: ServerOptions): Promise<RunningServer> {
  try {
    return await startServer({ ...options, port: port ?? USUAL_PORT });
  } catch (error) {
    if (port !== undefined || (error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    return startServer({ ...options, port: 0 });
  }
}

/** The player's build, where there is one. */
function pageOf(): { page?: string } {
  const page = resolve(import.meta.dirname, "../../../../player/dist");
  return existsSync(join(page, "index.html")) ? { page } : {};
}

/** Until Ctrl-C or a polite kill; a second one ends the process at once. */
function stopped(): Promise<void> {
  return new Promise((done) => {
    const stop = (): void => {
      for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(1));
      done();
    };
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, stop);
  });
}
