// Messages of the server for people.

/** A message that begins small and ends without a full stop, as a sentence. */
export const sentence = (message: string): string =>
  message === "" ? "" : `${message.charAt(0).toUpperCase()}${message.slice(1)}${/[.!?]$/.test(message) ? "" : "."}`;
