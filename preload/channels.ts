/** The whole surface between the renderer and the main process. */
export const channels = {
  /** Renderer asks: the state of the service. */
  service: 'desktop:service',
  /** Main tells: the state of the service changed. */
  serviceChanged: 'desktop:service-changed',
} as const
