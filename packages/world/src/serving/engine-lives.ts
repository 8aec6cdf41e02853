// The lives of an engine's process: it is started again whenever it goes, after ever longer pauses where it goes soon, and what it was asked is asked
// once more. What it has to be told in each life is engine-process.ts's.

import { EngineError, isLost } from "./engine.js";
import type { EngineSetup } from "./engine-calls.js";
import { type EngineLink, startEngine } from "./engine-link.js";

/** How a process is kept alive. */
export interface EngineLivesOptions {
  /** Milliseconds after which a process that was asked something and says nothing is killed. */
  readonly hangAfter: number;
  /** Milliseconds before the first start after a loss. */
  readonly restartAfter: number;
  /** Deaths of the process that a question may have been in work at before it is given up. */
  readonly mostDeaths: number;
  readonly onStarted: (pid: number) => void;
  /** It is gone; `again` is in how many milliseconds it is started again. */
  readonly onLost: (reason: string, again: number) => void;
}

/** A process that comes back. */
export interface EngineLives {
  /** Of its last life. */
  readonly link: EngineLink;
  /** Number of the last life that began, from 1. */
  readonly life: number;
  /** Of the process; undefined while there is none. */
  readonly pid: number | undefined;
  /**
   * Asks it something; where it goes meanwhile, again in its next lives. From then on one of such questions is in work at a time, so that the one that
   * kills every life is found, and the others are answered: it rejects with `failed`. Rejects with `lost` where the process cannot be started.
   */
  ask<T>(question: (running: EngineLink) => Promise<T>): Promise<T>;
  /** Ends it for good. */
  end(): Promise<void>;
}

/** Starts that may fail before whoever waits for one is told. */
const MOST_STARTS = 5;
const LONGEST_PAUSE = 10_000;
/** A process that lived as long as this was well. */
const WELL = 30_000;
const PATIENCE = 5_000;

/** Starts its first life. Rejects where that fails. */
export async function engineLives(setup: EngineSetup, options: EngineLivesOptions): Promise<EngineLives> {
  const { hangAfter, restartAfter, mostDeaths, onStarted, onLost } = options;
  let link = await startEngine(setup, hangAfter);
  let up = Promise.resolve(link);
  let life = 1;
  let pid: number | undefined = link.pid;
  let closing = false;
  let pause = restartAfter;

  const watch = (watched: EngineLink): void => {
    const began = Date.now();
    void watched.gone.then((reason) => {
      if (closing) return;
      if (Date.now() - began > WELL) pause = restartAfter;
      again(reason);
    });
  };
  const again = (reason: string): void => {
    pid = undefined;
    onLost(reason, pause);
    up = sleep(pause).then(async () => {
      if (closing) throw new EngineError("lost", "the engine was shut down");
      link = await startEngine(setup, hangAfter).catch((error: Error) => {
        throw new EngineError("lost", error.message);
      });
      life++;
      pid = link.pid;
      onStarted(pid);
      watch(link);
      return link;
    });
    pause = Math.min(2 * pause, LONGEST_PAUSE);
    up.catch((error: Error) => {
      if (!closing) again(error.message);
    });
  };
  const running = async (): Promise<EngineLink> => {
    for (let tried = 1; ; tried++) {
      try {
        return await up;
      } catch (error) {
        if (closing || tried === MOST_STARTS) throw error;
      }
    }
  };
  /** -> the answer, or the error of a process that went before it answered */
  const askOnce = async <T>(
    question: (running: EngineLink) => Promise<T>,
  ): Promise<{ answer: T } | { death: Error }> => {
    const life = await running();
    try {
      return { answer: await question(life) };
    } catch (error) {
      if (closing || !isLost(error)) throw error;
      await life.gone; // so that the next life is what is waited for
      return { death: error };
    }
  };
  let line: Promise<unknown> = Promise.resolve();
  const inLine = <T>(task: () => Promise<T>): Promise<T> => {
    const done = line.then(task);
    line = done.catch(() => undefined);
    return done;
  };
  onStarted(link.pid);
  watch(link);

  return {
    get link() {
      return link;
    },
    get life() {
      return life;
    },
    get pid() {
      return pid;
    },
    async ask(question) {
      const first = await askOnce(question);
      if ("answer" in first) return first.answer;
      return inLine(async () => {
        for (let deaths = 2; ; deaths++) {
          const next = await askOnce(question);
          if ("answer" in next) return next.answer;
          if (deaths === mostDeaths)
            throw new EngineError("failed", `${next.death.message} (${deaths} times while it was asked this)`);
        }
      });
    },
    async end() {
      if (closing) return;
      closing = true;
      await link.call("shutdown", []).catch(() => undefined);
      await link.end(PATIENCE);
    },
  };
}

const sleep = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));
