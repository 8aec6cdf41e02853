// What outlives a reload of the page: the session one was in. It stays in this tab.
import type { Settings, Start } from "../protocol.js";
import { storageOr } from "./storage.js";

const storage = storageOr(() => window.sessionStorage);

/** What a session is begun with. */
export interface Beginning {
  readonly start: Start;
  readonly seed?: number;
  /** Absent: the world's own. */
  readonly settings?: Settings;
}

/** What a session is called, and what proves that it is one's own. */
export interface SessionKey {
  readonly session: string;
  readonly key: string;
}

/** A session to come back to. */
export interface RememberedSession extends SessionKey {
  /** Where it can begin again; only a start of the gallery, as servers keep nothing that was sent to them for long. */
  readonly beginning?: Beginning;
}

const SESSION = "vid2world.session";

/** The session that this tab was in. */
export function rememberedSession(): RememberedSession | undefined {
  const text = storage.getItem(SESSION);
  return text === null ? undefined : (JSON.parse(text) as RememberedSession);
}

/** Remembers a session and what it was begun with. */
export function rememberSession({ session, key }: SessionKey, beginning: Beginning | undefined): void {
  const remembered: RememberedSession = { session, key, ...(beginning?.start.kind === "gallery" && { beginning }) };
  storage.setItem(SESSION, JSON.stringify(remembered));
}

/** Forgets it. */
export const forgetSession = (): void => storage.removeItem(SESSION);

const TRIED = "vid2world.token-tried";

/** Takes a token to the server, which keeps it in a cookie and leads back here. */
export function enterToken(token: string): void {
  storage.setItem(TRIED, "1");
  const query = new URLSearchParams(location.search);
  query.set("token", token);
  location.assign(`./?${query.toString()}`);
}

/** Whether a token was entered in this tab before this page was loaded; asked once. */
export function wasTokenTried(): boolean {
  const tried = storage.getItem(TRIED) !== null;
  storage.removeItem(TRIED);
  return tried;
}
