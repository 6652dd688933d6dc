"""Pure maths that several rooms of risk share: arrays and plain values in, figures out."""
