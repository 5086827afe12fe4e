/** Line icons, drawn in the colour of their text. */
export const ICON_PATHS = {
  upload: 'M12 16V4m0 0L7 9m5-5 5 5M4 15v3a2 2 0 0 0 2 2h12a2 2 0 0 0 2-2v-3',
  folder: 'M3 7a2 2 0 0 1 2-2h4l2 2.500h8a2 2 0 0 1 2 2V17a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2Z',
  check: 'm5 12.500 4.500 4.500L19 7.500',
  close: 'M6 6l12 12M18 6 6 18',
  retry: 'M20 11a8 8 0 1 0-2.300 6.300M20 5v6h-6',
  pause: 'M9 5v14M15 5v14',
  alert: 'M12 8v5m0 3.500v.1M12 3 2.500 20h19Z',
  lost: 'M9 9a3 3 0 1 1 4.500 2.600c-1 .600-1.500 1.200-1.500 2.400m0 3v.1M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18Z',
  closed: 'M7 11V8a5 5 0 0 1 10 0v3M6 11h12v9H6Z',
  full: 'M4 8v10a2 2 0 0 0 2 2h12a2 2 0 0 0 2-2V8M3 4h18v4H3Zm6 8h6',
  clock: 'M12 7v5l3 2M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18Z',
  file: 'M7 3h7l5 5v11a2 2 0 0 1-2 2H7a2 2 0 0 1-2-2V5a2 2 0 0 1 2-2Zm7 0v5h5',
  canoe: 'M2 12c6 4 14 4 20 0-1 5-5 7-10 7s-9-2-10-7Zm4.500 2.300L17 4',
} as const

export type IconName = keyof typeof ICON_PATHS
