//! The fields of an experiment that are no options of `asymgrad run`.

/// The fields of an experiment beside the options of `run`: name, value, meaning.
pub(super) const FIELDS: [[&str; 3]; 13] = [
    ["name", "NAME", "Name of the runs; required, unique, of letters, digits and -_+."],
    ["network", "NETWORK", "The network; required"],
    ["loss", "LOSS", "ce, bce, mse, huber, hinge, crammer-singer, softmax-hinge or softmax-crammer-singer; required"],
    ["lr", "X", "Learning rate [default: 0.001 for adam, else 0.01]"],
    ["epochs", "N", "Epochs to train [default: the fewest of `published`, else 25 with `rules`, else 100]"],
    ["validation", "N", "Holds the last N training images out and chooses the best epoch on them [default: 0]"],
    ["data", "DATA", "digits, cifar10, fashion-mnist, or the path of a data set [default: cifar10]"],
    ["init", "FILE.safetensors", "Weights to begin with; those that the file lacks are drawn, and named"],
    ["published", "[{ epochs = N, accuracy = X }, …]", "Test accuracies in percent to compare with, by rising epochs"],
    ["claim", "{ sentence = TEXT, epochs = N, measure = { … } }", "What is expected of the runs"],
    ["table", "N", "A table of the report, 1 to 4"],
    ["rules", "true or false", "Trained by `suite --rules`"],
    ["note", "TEXT", "What a reader should know"],
];

/// Their names.
pub(super) fn names() -> Vec<&'static str> {
    FIELDS.iter().map(|[name, ..]| *name).collect()
}
