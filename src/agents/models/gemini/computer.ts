import type { NativeTool, ToolCall, ToolDeclaration } from '../model.ts';

// Gemini's own declaration, `computerUse`: earlier models control a browser, and later ones a desktop.

const browserActions = [
  ...['open_web_browser', 'wait_5_seconds', 'go_back', 'go_forward', 'search', 'navigate', 'click_at', 'hover_at'],
  ...['type_text_at', 'key_combination', 'scroll_document', 'scroll_at', 'drag_and_drop'],
];
/** The tool cannot hold a key down between two calls. */
const excludedOnDesktop = ['key_down', 'key_up'];
const pixelsPerNotch = 53; // the distance that one wheel notch scrolls in Chromium

/** Undefined if the model supports neither kind or is unknown. */
export function findGeminiComputerKind(model: string): 'browser' | 'desktop' | undefined {
  if (/^gemini-2\.5-computer-use|^gemini-3-flash|^gemini-3\.1-pro(?!-image)/.test(model)) return 'browser';
  const [, major = '0', minor = '0'] = /^gemini-(\d+)(?:\.(\d+))?-flash(?:-preview.*|-latest|-\d+)?$/.exec(model) ?? [];
  return Number(major) + Number(minor) / 10 >= 3.5 ? 'desktop' : undefined;
}

/** Some models refuse requests without the computer declaration. */
const refusesWithout = (model: string): boolean => /^gemini-2\.5-computer-use/.test(model);

interface Computer {
  readonly declaration: object;
  readonly replaced: readonly ToolDeclaration[];
  called(name: string, args: unknown): Pick<ToolCall, 'name' | 'args'>;
}

export function findNativeComputerTool(model: string, tools: readonly ToolDeclaration[]): Computer | undefined {
  const kind = findGeminiComputerKind(model);
  if (kind === 'desktop') return ownDesktop(tools.find(({ native }) => native?.kind === 'computer'));
  const replaced = tools.filter(({ native }) => native?.kind === 'screen_action');
  if (kind === undefined || (replaced.length === 0 && !refusesWithout(model))) return undefined;
  const excludedPredefinedFunctions = browserActions.filter((action) => !replaced.some(({ name }) => name === action));
  return {
    declaration: { computerUse: { environment: 'ENVIRONMENT_BROWSER', excludedPredefinedFunctions } },
    replaced,
    called: (name, args) => ({ name, args }),
  };
}

function ownDesktop(tool: ToolDeclaration | undefined): Computer | undefined {
  const { native } = tool ?? {};
  if (!tool || native?.kind !== 'computer') return undefined;
  const excludedPredefinedFunctions = excludedOnDesktop;
  return {
    declaration: { computerUse: { environment: 'ENVIRONMENT_DESKTOP', excludedPredefinedFunctions } },
    replaced: [tool],
    called: (name, args) => {
      const action = desktopActions[name]?.(isObject(args) ? args : {}, native);
      return action ? { name: tool.name, args: action } : { name, args };
    },
  };
}

type Args = Readonly<Record<string, unknown>>;
type Screen = Extract<NativeTool, { kind: 'computer' }>;
type ArgsConverter = (args: Args, screen: Screen) => Args;

/** The model's coordinates run from 0 to 999. The tool refuses invalid values. */
const point = (x: unknown, y: unknown, { width, height }: Screen) => [scaled(x, width), scaled(y, height)];
const scaled = (value: unknown, size: number) =>
  typeof value === 'number' ? Math.min(size - 1, Math.round((value * size) / 1_000)) : value;

const at =
  (action: string): ArgsConverter =>
  (args, screen) => ({ action, coordinate: point(args.x, args.y, screen) });

const desktopActions: Readonly<Record<string, ArgsConverter>> = {
  click: at('left_click'),
  double_click: at('double_click'),
  triple_click: at('triple_click'),
  middle_click: at('middle_click'),
  right_click: at('right_click'),
  mouse_down: at('left_mouse_down'),
  mouse_up: at('left_mouse_up'),
  move: at('mouse_move'),
  type: ({ text, press_enter: enters }) => ({ action: 'type', text: enters === true ? `${text}\n` : text }),
  drag_and_drop: (args, screen) => ({
    action: 'left_click_drag',
    start_coordinate: point(args.start_x ?? args.x, args.start_y ?? args.y, screen),
    coordinate: point(args.end_x ?? args.destination_x, args.end_y ?? args.destination_y, screen),
  }),
  wait: ({ seconds = 1 }) => ({ action: 'wait', duration: seconds }),
  press_key: ({ key }) => ({ action: 'key', text: key }),
  hotkey: ({ keys }) => ({ action: 'key', text: Array.isArray(keys) ? keys.join('+') : keys }),
  take_screenshot: () => ({ action: 'screenshot' }),
  scroll: ({ x, y, direction, magnitude_in_pixels: far = 300 }, screen) => ({
    action: 'scroll',
    coordinate: point(x, y, screen),
    scroll_direction: direction,
    scroll_amount: typeof far === 'number' ? Math.min(100, Math.max(1, Math.round(far / pixelsPerNotch))) : far,
  }),
};

/** Separates the provider's request for approval from the arguments. */
export function splitConsentRequest(args: unknown): { readonly args: unknown; readonly confirm?: string } {
  if (!isObject(args) || !('safety_decision' in args)) return { args };
  const { safety_decision: safety, ...rest } = args;
  const { decision, explanation } = isObject(safety) ? safety : {};
  if (decision === 'regular' || decision === 'allowed') return { args: rest };
  return { args: rest, confirm: typeof explanation === 'string' ? explanation : 'It gave no reason.' };
}

export const requiresConsent = (args: unknown): boolean => splitConsentRequest(args).confirm !== undefined;

const isObject = (value: unknown): value is Args => typeof value === 'object' && value !== null;
