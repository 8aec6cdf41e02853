// Asks again where a server asks for patience: whoever saves a long branch as a video needs more pictures than one may have in a minute.
import { RemoteError } from "../protocol.js";

/** Milliseconds between two tries, and how often it is tried: longer than the minute that servers count by. */
const WAIT_MS = 3000;
const TRIES = 30;

/** What `ask` gives, once it does. Rejects with everything but `too-fast`. */
export async function patiently<T>(ask: () => Promise<T>): Promise<T> {
  for (let tried = 1; ; tried++) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof RemoteError) || error.code !== "too-fast" || tried === TRIES) throw error;
      await new Promise((done) => setTimeout(done, WAIT_MS));
    }
  }
}
