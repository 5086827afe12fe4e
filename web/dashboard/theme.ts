import {
  type CSSVariablesResolver,
  createTheme,
  type MantineColorsTuple,
  Notification,
} from '@mantine/core'

/** The accents of `tokens.css` as Mantine's ten shades: 6 and 7 carry white text at more than 4.5:1. */
const spruce: MantineColorsTuple = [
  '#eef7f3',
  '#e3f1ec',
  '#b5e3d5',
  '#63d6b6',
  '#3dbd9b',
  '#219a7d',
  '#107b63',
  '#0b6350',
  '#084a3c',
  '#06231c',
]

/** For what cannot be undone; the shades in use are those of `tokens.css`. */
const danger: MantineColorsTuple = [
  '#fdf3f2',
  '#fbe9e7',
  '#ffcfc9',
  '#ffb0a6',
  '#f58578',
  '#e25c4d',
  '#c53d30',
  '#a8231b',
  '#861a13',
  '#5f110c',
]

export const theme = createTheme({
  colors: { spruce, danger },
  primaryColor: 'spruce',
  primaryShade: { light: 7, dark: 6 },
  black: '#1a2421',
  defaultRadius: 'md',
  cursorType: 'pointer',
  respectReducedMotion: true,
  fontFamily: 'var(--font-body)',
  components: {
    Notification: Notification.extend({
      defaultProps: { closeButtonProps: { 'aria-label': 'Close this message' } },
    }),
  },
  headings: {
    fontWeight: '650',
    sizes: {
      h1: { fontSize: '1.75rem', lineHeight: '1.25' },
      h2: { fontSize: '1.2rem', lineHeight: '1.35' },
      h3: { fontSize: '1rem', lineHeight: '1.4' },
    },
  },
})

const tokens = {
  '--mantine-color-body': 'var(--color-surface)',
  '--mantine-color-text': 'var(--color-text)',
  // Mantine's own greys and red are too faint for text (WCAG 2.2, 1.4.3).
  '--mantine-color-dimmed': 'var(--color-text-quiet)',
  '--mantine-color-placeholder': 'var(--color-text-quiet)',
  '--mantine-color-error': 'var(--color-danger)',
  '--mantine-color-anchor': 'var(--color-accent)',
  '--mantine-color-default': 'var(--color-surface)',
  '--mantine-color-default-hover': 'var(--color-surface-raised)',
  '--mantine-color-default-border': 'var(--color-control-line)',
}

export const cssVariables: CSSVariablesResolver = () => ({
  variables: {},
  light: tokens,
  dark: tokens,
})
