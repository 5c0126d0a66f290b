const mostBytes = 220_000

/** A logo as the report can carry it; undefined when it is none, or too large. */
export async function readLogo(file: File): Promise<string | undefined> {
  if (!['image/png', 'image/jpeg'].includes(file.type) || file.size > mostBytes) return undefined
  const bytes = new Uint8Array(await file.arrayBuffer())
  // What only has the name of a picture is found out here, and not when the report is printed.
  if (!(await decoded(new Blob([bytes], { type: file.type })))) return undefined
  let text = ''
  for (const byte of bytes) text += String.fromCodePoint(byte)
  return `data:${file.type};base64,${btoa(text)}`
}

/** Draws a logo into a box of at most so many pixels. The policy of this window loads no picture from a data URL. */
export async function drawLogo(canvas: HTMLCanvasElement, logo: string, width: number, height: number): Promise<void> {
  const [, type, base64] = /^data:(image\/(?:png|jpeg));base64,([A-Za-z0-9+/=]+)$/.exec(logo) ?? []
  if (type === undefined || base64 === undefined) return
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.codePointAt(0) ?? 0)
  const picture = await decoded(new Blob([bytes], { type }))
  if (!picture) return
  const scale = Math.min(1, width / picture.width, height / picture.height)
  canvas.width = Math.max(1, Math.round(picture.width * scale))
  canvas.height = Math.max(1, Math.round(picture.height * scale))
  canvas.getContext('2d')?.drawImage(picture, 0, 0, canvas.width, canvas.height)
  picture.close()
}

const decoded = (file: Blob): Promise<ImageBitmap | undefined> => createImageBitmap(file).catch(() => undefined)
