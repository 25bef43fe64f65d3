// Shapes, each of them once: a program has millions of nodes and few shapes.
#ifndef NNC_IR_SHAPE_SET_H
#define NNC_IR_SHAPE_SET_H

#include "ir/base/arena.h"
#include "ir/shape.h"

typedef struct ShapeSet ShapeSet;

ShapeSet *shape_set_new(Arena *a);
// The one that is equal to s; s is copied where it is new. It stays where it is.
const Shape *shape_set_one(ShapeSet *t, const Shape *s);

#endif
