// The mark, a gate with a tick in it, and the name beside it.
import classes from "./Logo.module.css";

export function Logo({ size = 24 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" className={classes.logo} aria-hidden="true">
      <rect width="32" height="32" rx="8" fill="currentColor" />
      <g fill="none" stroke="#fff" strokeLinecap="round" strokeLinejoin="round">
        <path d="M8.5 24V15.5a7.5 7.5 0 0 1 15 0V24" strokeWidth="3" />
        <path d="m12.6 17.6 2.6 2.6 4.6-5" strokeWidth="2.6" />
      </g>
    </svg>
  );
}

export function Wordmark() {
  return (
    <span className={classes.wordmark}>
      <Logo />
      <span>
        Real<span className={classes.accent}>200</span>
      </span>
    </span>
  );
}
