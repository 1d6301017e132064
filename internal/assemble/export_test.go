package assemble

// Effect returns what is said of a directive.
func Effect(name string) string { return effects()[name] }
