const paths = {
  menu: 'M4 7h16M4 12h16M4 17h16',
  plus: 'M12 5v14M5 12h14',
  close: 'M6 6l12 12M18 6L6 18',
  search: 'M11 4a7 7 0 1 1 0 14a7 7 0 0 1 0-14M16 16l4.5 4.5',
  send: 'M12 19V5M6 11l6-6 6 6',
  stop: 'M7 7h10v10H7z',
  trash: 'M5 7h14M10 7V5h4v2M7 7l1 12h8l1-12M10.5 11v5M13.5 11v5',
  edit: 'M4 20l1-4L16.5 4.5l3 3L8 19zM14 7l3 3',
  pin: 'M9 4h6l-1 6 4 3v2H6v-2l4-3zM12 15v5',
  gear: 'M12 9a3 3 0 1 1 0 6a3 3 0 0 1 0-6M12 3v3M12 18v3M3 12h3M18 12h3M5.6 5.6l2.2 2.2M16.2 16.2l2.2 2.2M18.4 5.6l-2.2 2.2M7.8 16.2l-2.2 2.2',
  command: 'M9 9h6v6H9zM9 9H7a2 2 0 1 1 2-2zM15 9V7a2 2 0 1 1 2 2zM9 15v2a2 2 0 1 1-2-2zM15 15h2a2 2 0 1 1-2 2z',
  panel: 'M4 5h16v14H4zM14 5v14',
  copy: 'M9 9h10v11H9zM5 15V4h10',
  check: 'M5 13l4 4 10-11',
  chevron: 'M9 6l6 6-6 6',
  down: 'M6 9l6 6 6-6',
  retry: 'M19 12a7 7 0 1 1-2.5-5.4M19 4v4h-4',
  terminal: 'M4 5h16v14H4zM7.5 9.5l3 2.5-3 2.5M13 15h4',
  file: 'M6 3h8l4 4v14H6zM14 3v4h4',
  folder: 'M3 6h6l2 2h10v11H3z',
  screen: 'M3 5h18v12H3zM9 21h6M12 17v4',
  globe: 'M12 3a9 9 0 1 1 0 18a9 9 0 0 1 0-18M3 12h18M12 3c3 3 3 15 0 18M12 3c-3 3-3 15 0 18',
  clock: 'M12 3a9 9 0 1 1 0 18a9 9 0 0 1 0-18M12 7v5l3.5 2',
  coin: 'M12 3a9 9 0 1 1 0 18a9 9 0 0 1 0-18M15 9c-.5-1.2-1.6-1.8-3-1.8-1.700 0-3 .9-3 2.300 0 3.200 6 1.800 6 5 0 1.400-1.300 2.300-3 2.300-1.500 0-2.600-.6-3-1.800M12 5.500v13',
  plan: 'M9 6h11M9 12h11M9 18h11M4 6l1 1 2-2M4 12l1 1 2-2M4 18l1 1 2-2',
  fork: 'M7 4v9M7 13a3 3 0 1 0 .01 0M17 4a2.500 2.500 0 1 0 .01 0M17 9c0 4-10 2-10 5',
  share: 'M12 15V3M8 7l4-4 4 4M5 12v8h14v-8',
  archive: 'M4 5h16v4H4zM6 9v10h12V9M10 13h4',
  warning: 'M12 4l9 16H3zM12 10v4M12 17v.5',
  bell: 'M6 16V11a6 6 0 0 1 12 0v5l1.500 2h-15zM10 20.500h4',
  download: 'M12 4v11M7 11l5 5 5-5M5 20h14',
  back: 'M15 6l-6 6 6 6',
  upload: 'M12 15V4M7 9l5-5 5 5M5 20h14',
  pause: 'M9 5v14M15 5v14',
  toStart: 'M18 6l-7 6 7 6zM6 6v12',
  toEnd: 'M6 6l7 6-7 6zM18 6v12',
  play: 'M8 5l11 7-11 7z',
  more: 'M5 11.2a.8.8 0 1 0 .01 0M12 11.2a.8.8 0 1 0 .01 0M19 11.2a.8.8 0 1 0 .01 0',
  help: 'M12 3a9 9 0 1 1 0 18a9 9 0 0 1 0-18M9.5 9.500a2.500 2.500 0 1 1 3.500 2.300c-.7.300-1 .8-1 1.700M12 16.500v.5',
  shield: 'M12 3l7 3v6c0 4-3 7-7 9-4-2-7-5-7-9V6z',
} as const;
export type IconName = keyof typeof paths;

export const Icon = ({ name, size = 18 }: { name: IconName; size?: number }) => (
  <svg class="icon" viewBox="0 0 24 24" width={size} height={size} aria-hidden="true">
    <path d={paths[name]} />
  </svg>
);
