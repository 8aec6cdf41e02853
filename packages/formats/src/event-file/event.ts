// What a record of a TensorBoard event file holds (tensorflow.Event): scalars, encoded pictures, text, session marks.
/** A value under a tag. An animated GIF is a picture too: TensorBoard plays it. */
export type EventValue =
  | { readonly kind: "scalar"; readonly tag: string; readonly value: number }
  | {
      readonly kind: "image";
      readonly tag: string;
      /** PNG, JPEG or GIF bytes. */
      readonly encoded: Uint8Array;
      readonly height: number;
      readonly width: number;
    }
  | { readonly kind: "text"; readonly tag: string; readonly text: string };

/** One record. Kinds of values that this module does not know are left out when it is read. */
export interface LoggedEvent {
  /** Seconds since 1970. */
  readonly wallTime: number;
  readonly step: number;
  readonly values: readonly EventValue[];
  /** A file's first record: "brain.Event:2". */
  readonly fileVersion?: string;
  /** Begins a session: what earlier files hold of this step and later ones was undone, as after a resumed run. */
  readonly sessionStart?: boolean;
}

/** The version that the first record of a file names. */
export const EVENT_FILE_VERSION = "brain.Event:2";
