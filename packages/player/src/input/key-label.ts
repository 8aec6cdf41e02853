// Keys as people call them.

const KEY_LABELS: Readonly<Record<string, string>> = {
  ...{ ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", Space: "Space", Escape: "Esc" },
  ...{
    ControlLeft: "Ctrl",
    ControlRight: "Ctrl",
    ShiftLeft: "Shift",
    ShiftRight: "Shift",
    AltLeft: "Alt",
    AltRight: "Alt",
  },
  ...{ MouseLeft: "left click", MouseMiddle: "middle click", MouseRight: "right click" },
  ...{ Minus: "-", Equal: "=", Comma: ",", Period: ".", Slash: "/", Semicolon: ";", Quote: "'", Backquote: "`" },
};

/** A `KeyboardEvent.code` as it is printed on the key. */
export function keyLabel(code: string | undefined): string {
  if (code === undefined) return "";
  return KEY_LABELS[code] ?? code.replace(/^(Key|Digit)/, "").replace(/^Numpad/, "Num ");
}
