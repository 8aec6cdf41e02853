// Where to begin: frames of recordings, an own picture, a session that was saved.
import type { JSX } from "preact";
import { useRef, useState } from "preact/hooks";
import { surfaceOf } from "../input/surface.js";
import type { GalleryEntry } from "../protocol.js";
import { usePlayer } from "./context.js";
import { Picture } from "./picture.js";

/** The gallery of starts. Files can be dropped anywhere on it. */
export function Gallery(): JSX.Element {
  const player = usePlayer();
  const { world, starts } = player.state;
  const [isOver, setOver] = useState(false);
  const drop = (event: DragEvent): void => {
    event.preventDefault();
    setOver(false);
    const file = event.dataTransfer?.files[0];
    if (file !== undefined) void player.openFile(file);
  };
  return (
    <main
      class={`gallery ${isOver ? "over" : ""}`}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
    >
      <h1>Where do you want to begin?</h1>
      <p class="lead">
        {world.value?.description} <WhatToDo />
      </p>
      {starts.value.length === 0 && (
        <p class="lead">There are no recordings to begin from here: give it a picture or a short video.</p>
      )}
      <ul class="starts">
        {starts.value.map((entry) => (
          <li key={entry.id}>
            <StartCard entry={entry} />
          </li>
        ))}
        <li>
          <FileCard />
        </li>
      </ul>
    </main>
  );
}

/** What this world is played by, for worlds that say nothing of themselves too. */
function WhatToDo(): JSX.Element {
  const channels = usePlayer().state.world.value?.channels ?? [];
  if (channels.length === 0) return <>Every frame is drawn while you watch; nothing can be done in this world.</>;
  const { sticks, buttons, choices } = surfaceOf(channels);
  const names = [...sticks, ...buttons, ...choices].map(({ label }) => label);
  return <>Every frame is drawn while you play, by what you do: {names.join(", ")}.</>;
}

function StartCard({ entry }: { readonly entry: GalleryEntry }): JSX.Element {
  const player = usePlayer();
  const { fps = 1, width = 4, height = 3 } = player.state.world.value ?? {};
  const { id, title, truthFrames } = entry;
  return (
    <button class="card" onClick={() => player.open({ start: { kind: "gallery", id } })}>
      <Picture
        style={{ aspectRatio: `${width} / ${height}` }}
        load={async () => new Blob([await player.server.startPicture(id)], { type: "image/jpeg" })}
        of={id}
        label=""
      />
      <span class="title">{title}</span>
      {truthFrames > 0 && (
        <span class="note">{Math.round(truthFrames / fps)} s of what really happened to compare with</span>
      )}
    </button>
  );
}

function FileCard(): JSX.Element {
  const player = usePlayer();
  const input = useRef<HTMLInputElement>(null);
  return (
    <button class="card file" onClick={() => input.current?.click()}>
      <span class="drop" aria-hidden="true">
        +
      </span>
      <span class="title">Your own picture or video</span>
      <span class="note">or a session that you saved. Drop it here, or click.</span>
      <input
        ref={input}
        type="file"
        hidden
        aria-label="A picture, a video or a saved session"
        accept="image/*,video/*,application/json,.json"
        onClick={(event) => event.stopPropagation()}
        onChange={(event) => {
          const file = event.currentTarget.files?.[0];
          if (file !== undefined) void player.openFile(file);
        }}
      />
    </button>
  );
}
