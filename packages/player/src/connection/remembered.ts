// What outlives a reload of the page: the session one was in. It stays in this tab.
import { storageOr } from "./storage.js";

const storage = storageOr(() => window.sessionStorage);

/** What a session is called, and what proves that it is one's own. */
export interface SessionKey {
  readonly session: string;
  readonly key: string;
}

const SESSION = "vid2world.session";

/** The session that this tab was in. */
export function rememberedSession(): SessionKey | undefined {
  const text = storage.getItem(SESSION);
  return text === null ? undefined : (JSON.parse(text) as SessionKey);
}

/** Remembers a session, or forgets it. */
export function rememberSession(session: SessionKey | undefined): void {
  if (session === undefined) storage.removeItem(SESSION);
  else storage.setItem(SESSION, JSON.stringify({ session: session.session, key: session.key }));
}

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
