package figures

// NewModel is the model with stretches of another size.
var NewModel = newModel
