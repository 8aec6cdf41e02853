// Tables of a page.
import { escapeHtml as escape } from "../../page/escape.js";

/** A table with a heading row; the first cell of each row is its heading. All texts are escaped. */
export function tableHtml(head: readonly string[], rows: readonly (readonly string[])[], caption = ""): string {
  const row = ([first = "", ...cells]: readonly string[]): string =>
    `<tr><th scope="row">${escape(first)}</th>${cells.map((cell) => `<td>${escape(cell)}</td>`).join("")}</tr>`;
  const heading = head.map((cell) => `<th scope="col">${escape(cell)}</th>`).join("");
  const title = caption === "" ? "" : `<caption>${escape(caption)}</caption>`;
  return `<div class="scroll"><table>${title}<thead><tr>${heading}</tr></thead><tbody>${rows.map(row).join("\n")}</tbody></table></div>`;
}
