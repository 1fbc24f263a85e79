// Text from a configuration as it may stand in a message: a terminal must not obey it. Hiding secrets is the callers' business.

/** The text with every control character but tab written as JSON writes it: `\u001b`, `\n`. */
export function escapeControls(text: string): string {
  return text.replace(/(?!\t)[\p{Cc}\u2028\u2029]/gu, (character) => {
    const json = JSON.stringify(character).slice(1, -1);
    return json === character ? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}` : json;
  });
}
