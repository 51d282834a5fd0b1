// The map from public model names to the provider's own, as lines of text: `public = upstream`.

export const writeModelMap = (map: Record<string, string>): string =>
  Object.entries(map)
    .map(([name, upstream]) => `${name} = ${upstream}`)
    .join("\n");

const pairs = (text: string): string[][] =>
  text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => line.split("=").map((side) => side.trim()));

export const readModelMap = (text: string): Record<string, string> =>
  Object.fromEntries(pairs(text).map(([name = "", upstream = ""]) => [name, upstream]));

export function modelMapProblem(text: string): string | null {
  const wrong = pairs(text).find((sides) => sides.length !== 2 || sides.includes(""));
  return wrong ? `“${wrong.join(" = ")}” should read: public name = name at the provider` : null;
}
