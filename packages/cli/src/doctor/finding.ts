// One line of `vid2world doctor`.

/** `warning`: works, but badly or not for everything. `missing`: something that is needed is not there. */
export type FindingState = "ok" | "warning" | "missing";

/** What was looked at, what was found, and for anything but "ok" what to do about it. */
export interface Finding {
  readonly name: string;
  readonly value: string;
  readonly state: FindingState;
  readonly hint?: string;
}
