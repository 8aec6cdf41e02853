// What can be said of the options of `vid2world play` before a model is loaded, which may take minutes.
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { invalid } from "@vid2world/formats";
import { type ListenOptions, checkListening } from "@vid2world/world/serving/server/access";

/** The options that are looked at. */
export interface CheckedOptions {
  readonly host: string;
  readonly port?: number | undefined;
  readonly token?: string | undefined;
  readonly tokenFile?: string | undefined;
  readonly insecure?: true | undefined;
  readonly start?: readonly string[] | undefined;
}

/** Where the server will listen, and the token that clients must know. Throws for what would fail later. */
export async function checkOptions(options: CheckedOptions): Promise<ListenOptions> {
  const { host, port, tokenFile, insecure, start = [] } = options;
  const token = tokenFile === undefined ? options.token : await tokenIn(tokenFile);
  const listening = { host, ...(token !== undefined && { token }), ...(insecure && { insecure }) };
  checkListening(listening);
  const absent = start.find((path) => !existsSync(path));
  if (absent !== undefined) throw invalid("--start", "files and folders that are there", absent);
  if (port !== undefined) await checkPort(host, port);
  return listening;
}

async function tokenIn(file: string): Promise<string> {
  try {
    return (await readFile(file, "utf8")).trim();
  } catch (error) {
    throw invalid("--token-file", `a file that can be read (${(error as NodeJS.ErrnoException).code ?? "it cannot"})`, file); // prettier-ignore
  }
}

/** Listens there for a moment. */
async function checkPort(host: string, port: number): Promise<void> {
  if (port > 65_535) throw invalid("--port", "a whole number up to 65535", port);
  const server = createServer();
  const listening = new Promise<void>((resolve, reject) => server.once("error", reject).listen(port, host, resolve));
  try {
    await listening;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EADDRINUSE")
      throw invalid("--port", "one that nobody uses; without --port a free one is taken", port);
    if (code === "EACCES")
      throw invalid("--port", "one that this user may listen at, such as those from 1024 on", port);
    throw invalid("--host", `an address of this machine (${code ?? String(error)})`, host);
  }
  await new Promise((resolve) => server.close(resolve));
}
