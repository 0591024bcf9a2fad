"""GitHub without GitHub: real git, the emulator emulate, the runner act, and what joins them. See README.md."""
