// Keeps secrets out of logs: values of environment variables that are secrets by their name, entries that are by theirs, logins in addresses.

const HIDDEN = "[redacted]";
/** Names of things that nobody but their owner should read: `WANDB_API_KEY`, `accessToken`, `password`. Not `tokens`, not `keys`. */
const SECRET_NAME =
  /(api|access|private|secret)[_-]?key$|(^|[_-]|[a-z])token$|secret$|passw(or)?d$|credentials?$|authorization$/i;
/** Shorter values are words: replacing them would only spoil texts. */
const SHORTEST = 8;

/**
 * A function that copies plain data without the secrets in it; bytes are left as they are. What counts as secret is read from the environment
 * once, here.
 * @example redactor({ WANDB_API_KEY: "0123456789" })("https://me:pw@host?key=0123456789") // "https://[redacted]@host?key=[redacted]"
 */
export function redactor(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): (value: unknown) => unknown {
  const secrets = Object.entries(environment)
    .filter(([name, value]) => SECRET_NAME.test(name) && (value ?? "").length >= SHORTEST)
    .map(([, value]) => value as string)
    .sort((a, b) => b.length - a.length);

  const text = (value: string): string => {
    const withoutLogins = value.replaceAll(/([a-z][a-z0-9+.-]*:\/\/)[^\s/@]+@/gi, `$1${HIDDEN}@`);
    return secrets.reduce((result, secret) => result.replaceAll(secret, HIDDEN), withoutLogins);
  };
  const copy = (value: unknown): unknown => {
    if (typeof value === "string") return text(value);
    if (Array.isArray(value)) return value.map(copy);
    if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, entry]) => [
        name,
        typeof entry === "string" && SECRET_NAME.test(name) ? HIDDEN : copy(entry),
      ]),
    );
  };
  return copy;
}
