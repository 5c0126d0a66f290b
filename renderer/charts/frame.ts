const waiting = new Set<() => void>()
let frame = 0

function drawAll(): void {
  frame = 0
  const due = [...waiting]
  waiting.clear()
  for (const draw of due) draw()
}

/** Draws in the next animation frame, together with everything else that asked; asking twice draws once. */
export function requestDraw(draw: () => void): void {
  waiting.add(draw)
  frame ||= requestAnimationFrame(drawAll)
}

export function cancelDraw(draw: () => void): void {
  waiting.delete(draw)
}
