// An address as a picture. Always dark on light, whatever the theme: cameras expect it.

import { encode } from 'uqr'
import { svg } from './dom.ts'

export function qrPicture(text: string, what: string): SVGElement {
  const { data, size } = encode(text, { ecc: 'M', border: 3 })
  let path = ''
  data.forEach((row, y) => row.forEach((dark, x) => (path += dark ? `M${x} ${y}h1v1h-1z` : '')))
  return svg('svg', { class: 'qr', viewBox: `0 0 ${size} ${size}`, role: 'img', 'aria-label': `QR code of ${what}`, 'shape-rendering': 'crispEdges' },
    svg('rect', { width: size, height: size, fill: '#fff' }), svg('path', { d: path, fill: '#101512' }))
}
