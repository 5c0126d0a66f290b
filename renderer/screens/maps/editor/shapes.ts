/** Status as a shape, as in StatusShape.vue, for places that Vue does not draw. */
const paths = {
  good: 'M6 1.6a4.4 4.4 0 1 0 0 8.8 4.4 4.4 0 0 0 0-8.8Z',
  degraded: 'M6 .9 11.6 11H.4Z',
  fault: 'M3.6.5h4.8l3.1 3.1v4.8l-3.1 3.1H3.6L.5 8.4V3.6Z',
  unknown: 'M6 1.1a4.9 4.9 0 1 0 0 9.8 4.9 4.9 0 0 0 0-9.8Zm0 1.9a3 3 0 1 1 0 6 3 3 0 0 1 0-6Z',
  verified: 'M4.6 10.2.8 6.4l1.4-1.4 2.4 2.4 5.2-5.6 1.4 1.4Z',
} as const
export type Shape = keyof typeof paths

const space = 'http://www.w3.org/2000/svg'

export function shape(name: Shape): SVGElement {
  const drawing = document.createElementNS(space, 'svg')
  drawing.setAttribute('viewBox', '0 0 12 12')
  drawing.setAttribute('width', '11')
  drawing.setAttribute('height', '11')
  drawing.setAttribute('aria-hidden', 'true')
  drawing.setAttribute('class', `map-shape ${name}`)
  const path = document.createElementNS(space, 'path')
  path.setAttribute('d', paths[name])
  path.setAttribute('fill-rule', 'evenodd')
  drawing.append(path)
  return drawing
}
