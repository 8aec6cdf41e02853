// What is shown while there is nothing to play: why, and what can be done about it.
import type { ComponentChildren, JSX } from "preact";
import { useState } from "preact/hooks";
import { enterToken } from "../connection/remembered.js";
import { END_TITLES, type Status } from "../session/status.js";
import { usePlayer } from "./context.js";
import { sentence } from "./sentence.js";

/** The state of the page as a title, a sentence and the ways on. */
export function StatusPage(): JSX.Element {
  const player = usePlayer();
  const status = player.state.status.value;
  const again = player.state.beginning.value;
  const cancel = <button onClick={() => player.leave()}>Cancel</button>;
  const choose = (
    <button class="primary" onClick={() => void player.start()}>
      Choose a start
    </button>
  );
  switch (status.kind) {
    case "token":
      return <TokenPage wrong={status.wrong} />;
    case "unreachable":
      return (
        <Message
          title="The server cannot be reached"
          text="Is it still running? This page tries again when you ask it to."
        >
          <button class="primary" onClick={() => void player.start()}>
            Try again
          </button>
        </Message>
      );
    case "queued":
      return (
        <Message busy title="Waiting for a place" text={queueText(status)}>
          {cancel}
        </Message>
      );
    case "opening":
      return (
        <Message busy title={status.what} text="">
          {cancel}
        </Message>
      );
    case "lost":
      return (
        <Message busy title="The connection was lost" text={`${sentence(status.why ?? "")} Trying again.`.trim()}>
          {cancel}
        </Message>
      );
    case "ended":
      return (
        <Message title={END_TITLES[status.code] ?? "Something went wrong"} text={sentence(status.message)}>
          {again && <button onClick={() => player.open(again)}>Try again</button>}
          {choose}
        </Message>
      );
    default:
      return <Message busy title="Loading the world" text="" />;
  }
}

function queueText({ position }: Extract<Status, { kind: "queued" }>): string {
  if (position === 1) return "Every place is taken. You are next.";
  return `Every place is taken. ${position - 1} ${position === 2 ? "person is" : "people are"} before you.`;
}

interface MessageProps {
  readonly title: string;
  readonly text: string;
  readonly busy?: boolean;
  readonly children?: ComponentChildren;
}

function Message({ title, text, busy, children }: MessageProps): JSX.Element {
  return (
    <main class="message" aria-busy={busy === true} aria-live="polite">
      {busy === true && <div class="spinner" aria-hidden="true" />}
      <h1>{title}</h1>
      {text !== "" && <p>{text}</p>}
      <div class="row">{children}</div>
    </main>
  );
}

function TokenPage({ wrong }: { readonly wrong: boolean }): JSX.Element {
  const [token, setToken] = useState("");
  return (
    <main class="message">
      <h1>This server asks for a token</h1>
      <p>
        {wrong ? "That was not the right one. " : ""}The server printed it when it started: <code>vid2world play</code>{" "}
        ends with a line that has it.
      </p>
      <form
        class="row"
        onSubmit={(event) => {
          event.preventDefault();
          enterToken(token.trim());
        }}
      >
        <input
          type="password"
          autocomplete="off"
          aria-label="Token"
          aria-invalid={wrong}
          placeholder="Token"
          value={token}
          onInput={(event) => setToken(event.currentTarget.value)}
        />
        <button class="primary" disabled={token.trim() === ""}>
          Enter
        </button>
      </form>
    </main>
  );
}
