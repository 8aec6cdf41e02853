// Who may speak to the server: a token where it is asked for, pages of this server alone, and on loopback only names of this machine, so that
// no foreign page reaches it, not by a name that it makes point here either.

import type { IncomingHttpHeaders } from "node:http";
import { invalid } from "@vid2world/formats";
import { sameText } from "./same-text.js";
import { ServingError } from "./serving-error.js";

/** How a server is guarded. */
export interface AccessOptions {
  /** Asked of every request to the API. Absent: none is. */
  readonly token?: string;
  /** Origins of pages that may speak to it besides its own: `https://play.example.org`. */
  readonly origins?: readonly string[];
  /** Whether only names of this machine may be in `Host`: a server on loopback without token. */
  readonly localOnly: boolean;
}

/** Cookie that holds the token in a browser, which it was given by `/?token=...` once. */
export const TOKEN_COOKIE = "vid2world-token";

/** Characters that a token must have at least: an unset variable of a shell's is none, and a short one is soon guessed. */
export const LEAST_TOKEN = 8;

/** Where a server listens, and for whom. */
export interface ListenOptions {
  readonly host: string;
  readonly token?: string;
  /** Everyone who reaches it is served, without token. */
  readonly insecure?: boolean;
}

/** Throws where more than this machine could reach a server without a token, or the token is none. */
export function checkListening({ host, token, insecure = false }: ListenOptions): void {
  if (!isLoopback(host) && token === undefined && !insecure)
    throw invalid("host", "127.0.0.1, or any with a token (--token-file), or with --insecure for everyone who reaches it", host); // prettier-ignore
  if (token !== undefined && token.length < LEAST_TOKEN)
    throw invalid(
      "token",
      `${LEAST_TOKEN} or more characters, such as those of \`openssl rand -hex 16\``,
      token.length,
    );
}

/** Throws `wrong-origin` or `wrong-token` for a request that may not come in. */
export function checkAccess(headers: IncomingHttpHeaders, options: AccessOptions): void {
  checkOrigin(headers, options);
  checkToken(headers, options);
}

/** Throws `wrong-origin` for a page of somewhere else, or a name that is not this machine's. */
export function checkOrigin(
  { origin, host = "" }: IncomingHttpHeaders,
  { origins = [], localOnly }: AccessOptions,
): void {
  if (localOnly && !isLoopback(nameOf(host)))
    throw new ServingError("wrong-origin", "this server answers to localhost and 127.0.0.1 only");
  if (origin === undefined || origins.includes(origin)) return;
  if (hostOf(origin) !== host)
    throw new ServingError(
      "wrong-origin",
      "pages of other places may not speak to this server; its operator can allow them",
    );
}

/** Throws `wrong-token`. */
export function checkToken(headers: IncomingHttpHeaders, { token }: AccessOptions): void {
  if (token === undefined) return;
  const given = bearer(headers.authorization) ?? cookie(headers.cookie, TOKEN_COOKIE);
  if (given === undefined || !sameText(given, token))
    throw new ServingError("wrong-token", "a token is needed: open the address that the server printed, or send it as a bearer token"); // prettier-ignore
}

/** Whether a host, as one binds or names it, is this machine alone. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host === "[::1]" || /^127(\.[0-9]{1,3}){3}$/.test(host);
}

const nameOf = (host: string): string => host.replace(/:[0-9]+$/, "").toLowerCase();

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}

const bearer = (header: string | undefined): string | undefined => /^Bearer (.+)$/i.exec(header ?? "")?.[1];

function cookie(header: string | undefined, name: string): string | undefined {
  const found = header?.split(/; */).find((part) => part.startsWith(`${name}=`));
  if (found === undefined) return undefined;
  try {
    return decodeURIComponent(found.slice(name.length + 1));
  } catch {
    return undefined; // not percent-encoded as a cookie of this server is
  }
}
