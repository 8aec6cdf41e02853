// Which files of saved sessions have to go: by age, and by what they take together. A session goes as a whole, with all its files.

/** How long, and how much of them, saved sessions are kept. */
export interface Keeping {
  /** Days since anything of a session was written. */
  readonly days: number;
  /** Of all sessions together; the ones written longest ago go first. */
  readonly bytes: number;
}

/** A file of a saved session. */
export interface StoredFile {
  readonly name: string;
  /** What the files of one session have in common. */
  readonly session: string;
  readonly bytes: number;
  /** When it was written, milliseconds since 1970. */
  readonly since: number;
}

/** Files to delete, and of how many sessions for want of room. */
export interface OutlivedFiles {
  readonly names: readonly string[];
  readonly crowdedOut: number;
}

const DAY = 86_400_000;

/** The files that have to go. */
export function outlivedFiles(files: readonly StoredFile[], { days, bytes }: Keeping): OutlivedFiles {
  const sessions = new Map<string, { since: number; bytes: number; names: string[] }>();
  for (const file of files) {
    const session = sessions.get(file.session) ?? { since: 0, bytes: 0, names: [] };
    session.since = Math.max(session.since, file.since);
    session.bytes += file.bytes;
    session.names.push(file.name);
    sessions.set(file.session, session);
  }
  const oldest = Date.now() - days * DAY;
  const names: string[] = [];
  let [left, crowdedOut] = [bytes, 0];
  for (const session of [...sessions.values()].sort((a, b) => b.since - a.since)) {
    left -= session.bytes;
    if (left >= 0 && session.since >= oldest) continue;
    if (session.since >= oldest) crowdedOut++;
    names.push(...session.names);
  }
  return { names, crowdedOut };
}
