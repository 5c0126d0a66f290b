/** The whole surface between the renderer and the main process. */
export const channels = {
  /** Renderer asks: the state of the service. */
  service: 'desktop:service',
  /** Main tells: the state of the service changed. */
  serviceChanged: 'desktop:service-changed',
  /** Renderer asks: the connection manager. */
  edgesList: 'desktop:edges-list',
  edgesDiscover: 'desktop:edges-discover',
  edgesAddByAddress: 'desktop:edges-add-by-address',
  edgesPair: 'desktop:edges-pair',
  edgesRemove: 'desktop:edges-remove',
  edgesConnect: 'desktop:edges-connect',
} as const
