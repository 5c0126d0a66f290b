const mostBytes = 220_000

/** A logo as the report can carry it; undefined when it is none, or too large. */
export async function readLogo(file: File): Promise<string | undefined> {
  if (!['image/png', 'image/jpeg'].includes(file.type) || file.size > mostBytes) return undefined
  const bytes = new Uint8Array(await file.arrayBuffer())
  let text = ''
  for (const byte of bytes) text += String.fromCodePoint(byte)
  return `data:${file.type};base64,${btoa(text)}`
}
