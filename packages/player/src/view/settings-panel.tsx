// What may be changed while playing: guidance, steps, decoder, seed, the look of the picture, and every channel by hand.
import type { ComponentChildren, JSX } from "preact";
import { useState } from "preact/hooks";
import { ChannelSliders } from "./channel-sliders.js";
import { usePlayer } from "./context.js";
import { scaling } from "./stage.js";

/** Most solver steps on the slider; a world that has more of its own gets those. */
const STEPS = 50;

/** Settings of the world, from the next frame on. */
export function SettingsPanel(): JSX.Element {
  const player = usePlayer();
  const { world, session } = player.state;
  const { transport } = player;
  const settings = player.state.settings.value;
  const own = world.value?.settings;
  const decoders = world.value?.decoders ?? [];
  return (
    <details open class="group">
      <summary>World</summary>
      {settings && own && (
        <>
          <Field label="Steps" hint={`per frame; more is sharper and slower; the world's own: ${own.numSteps}`}>
            <Slider
              label="Steps per frame"
              value={settings.numSteps}
              min={1}
              max={Math.max(STEPS, own.numSteps, settings.numSteps)}
              step={1}
              onChange={(numSteps) => void transport.change({ numSteps })}
            />
          </Field>
          <Field label="Guidance" hint={`how hard actions pull; 1 is none, and twice as fast as the rest`}>
            <Slider
              label="Guidance"
              value={settings.guidanceScale}
              min={0}
              max={8}
              step={0.25}
              onChange={(guidanceScale) => void transport.change({ guidanceScale })}
            />
          </Field>
          {decoders.length > 1 && (
            <Field label="Decoder" hint="tiny is faster, full is sharper">
              <Options
                name="decoder"
                options={decoders}
                value={settings.decoder}
                onChange={(decoder) => void transport.change({ decoder })}
              />
            </Field>
          )}
        </>
      )}
      <Field label="Enlarging" hint="crisp keeps whole pixels, smooth fills the space">
        <Options
          name="scaling"
          options={["crisp", "smooth"] as const}
          value={scaling.value}
          onChange={(how) => (scaling.value = how)}
        />
      </Field>
      {session.value && <SeedField seed={settings?.seed ?? session.value.seed} />}
      <ChannelSliders />
    </details>
  );
}

interface FieldProps {
  readonly label: string;
  readonly hint: string;
  readonly children: ComponentChildren;
}

function Field({ label, hint, children }: FieldProps): JSX.Element {
  return (
    <div class="field">
      <span class="label" title={hint}>
        {label}
      </span>
      {children}
    </div>
  );
}

interface SliderProps {
  readonly label: string;
  readonly value: number;
  readonly min: number;
  readonly max: number;
  readonly step: number;
  readonly onChange: (value: number) => void;
}

function Slider({ label, value, min, max, step, onChange }: SliderProps): JSX.Element {
  const range = { min, max, step, value };
  return (
    <span class="slider">
      <input
        type="range"
        aria-label={label}
        {...range}
        onInput={(event) => onChange(Number(event.currentTarget.value))}
      />
      <output>{value}</output>
    </span>
  );
}

interface OptionsProps<T extends string> {
  readonly name: string;
  readonly options: readonly T[];
  readonly value: T;
  readonly onChange: (value: T) => void;
}

function Options<T extends string>({ name, options, value, onChange }: OptionsProps<T>): JSX.Element {
  return (
    <span class="options" role="radiogroup" aria-label={name}>
      {options.map((option) => (
        <label key={option}>
          <input type="radio" name={name} checked={option === value} onChange={() => onChange(option)} />
          <span>{option}</span>
        </label>
      ))}
    </span>
  );
}

/** Another seed counts from the next frame on; or begins another session at the same start. */
function SeedField({ seed }: { readonly seed: number }): JSX.Element {
  const player = usePlayer();
  const beginning = player.state.beginning.value;
  const { seed: _, ...settings } = player.state.settings.value ?? {};
  const [text, setText] = useState<string | undefined>(undefined);
  const wanted = Number(text ?? seed);
  const isValid = text?.trim() !== "" && Number.isInteger(wanted) && wanted >= 0 && wanted <= 0xffff_ffff;
  const isReplay = beginning?.start.kind === "replay"; // what it is begun with is in the file
  const use = (): void => {
    if (isValid && wanted !== seed) void player.transport.change({ seed: wanted });
  };
  return (
    <Field
      label="Seed"
      hint="the same start, seed and actions give the same frames; another seed counts from the next frame on"
    >
      <span class="seed">
        <input
          inputMode="numeric"
          aria-label="Seed"
          aria-invalid={!isValid}
          value={text ?? String(seed)}
          onInput={(event) => setText(event.currentTarget.value)}
          onChange={use}
        />
        {beginning !== undefined && (
          <button
            disabled={!isValid}
            title={
              isReplay
                ? "Plays the saved session again from its start"
                : "Begins again at the same start, with this seed and the settings of now"
            }
            onClick={() => player.open(isReplay ? beginning : { ...beginning, settings, seed: wanted })}
          >
            Restart
          </button>
        )}
      </span>
    </Field>
  );
}
