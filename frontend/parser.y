/* The grammar of .nn: LALR(1), no conflicts. Actions only construct (ast_build.h).

   Recovery: on a syntax error recover.c finds the balanced end of the broken item and feeds the parser one
   token to go on with: `;` where the item ends, or RESYNC before the `{` of an item whose head is broken, so
   that its body is still read. So every state that can take up an error, the lists of items first of all, takes
   `skip`, and those inside a head `resync` too. Items keep their name where they can, with EX_ERROR for what
   was dropped. */
%define api.pure full
%define api.prefix {nn_yy}
%define api.token.prefix {T_}
%define api.location.type {Span}
%define parse.error custom
%define parse.lac full
%locations
%expect 0
%param {Parser *p}

%code requires {
#include "frontend/ast_build.h"
}

%code top {
/* Deep enough for MAX_BRACKETS blocks of the longest heads; beyond it the nesting limit is reported. */
#define YYMAXDEPTH 6000
}

%code {
#include "frontend/recover.h"
#include "frontend/syntax_error.h"

#define YYLLOC_DEFAULT(here, rhs, n)                                                            \
  ((here) = (n) ? span_join(YYRHSLOC(rhs, 1), YYRHSLOC(rhs, n))                                 \
                : (Span){YYRHSLOC(rhs, 0).source, YYRHSLOC(rhs, 0).end, YYRHSLOC(rhs, 0).end})
}

%union {
  TokenValue value;
  Name name;
  NameList names;
  Expr *expr;
  ExprList exprs;
  Stmt *stmt;
  StmtList stmts;
  Type *type;
  TypeList types;
  Pattern *pattern;
  PatternList patterns;
  Named named;
  NamedList nameds;
  Arg arg;
  ArgList args;
  Range range;
  Sub sub;
  SubList subs;
  DimSpec dim;
  DimList dims;
  Param param;
  ParamList params;
  FnDecl fn;
  LoopHead head;
  uint32_t height;
}

%token <name> IMPORT "'import'" AS "'as'" DIM "'dim'" MODEL "'model'" DATA "'data'" PHASE "'phase'" EVERY "'every'"
%token <name> EXPORT "'export'" TEST "'test'" OVER "'over'" EXCEPT "'except'" USING "'using'" FROM "'from'" TO "'to'"
%token <name> OPTION "'option'" FINISH "'finish'" MASK "'mask'" IDENT "name"
%token LET "'let'" VAR "'var'" FN "'fn'" VJP "'vjp'" LAYER "'layer'" TRAIN "'train'" EACH "'each'" EVAL "'eval'"
%token PARAM "'param'" STATE "'state'" WITH "'with'" UPDATE "'update'" MINIMIZE "'minimize'" REPORT "'report'"
%token LOAD "'load'" SAVE "'save'" PRINT "'print'" BY "'by'" WHEN "'when'"
%token FOR "'for'" IN "'in'" IF "'if'" THEN "'then'" ELSE "'else'" SCAN "'scan'" YIELD "'yield'" NEXT "'next'"
%token RETURN "'return'" ASSERT "'assert'" EINSUM "'einsum'" REARRANGE "'rearrange'" REDUCE "'reduce'"
%token AND "'and'" OR "'or'" NOT "'not'"
%token <value> BOOL "boolean" STYPE "static type" DTYPE "element type" INTLIT "integer" FLOATLIT "number" STRLIT "string"
%token ARROW "'->'" FATARROW "'=>'" PIPE "'|>'" ELLIPSIS "'...'" DOTDOT "'..'" POW "'**'" FLOORDIV "'//'"
%token EQ "'=='" NE "'!='" LE "'<='" GE "'>='"
%token INVALID "invalid character"
%token SCAN_SEMI "';' of scan" RESYNC "body after a broken head" RESYNC_MEMBERS "members after a broken head"

%type <name> name
%type <names> lparams names
%type <expr> expr pipe op postfix primary value cond str
%type <exprs> expr_list opt_except opt_comma_list
%type <stmt> decl let_stmt var_stmt assign_stmt update_stmt assert_stmt store_decl fn_stmt layer_decl member if_member data_item
%type <stmt> train_item if_train stmt if_stmt option_stmt
%type <stmts> members data_items train_items stmts block member_block data_block train_block
%type <type> type opt_type opt_ret shape
%type <types> type_list
%type <value> dtype
%type <pattern> pattern
%type <patterns> pattern_list
%type <named> named report_item
%type <nameds> opt_with opt_named named_list report_list
%type <arg> arg
%type <args> args arg_list
%type <range> source range
%type <sub> sub slice
%type <subs> subs
%type <dim> dimspec
%type <dims> dims
%type <param> param
%type <params> params param_list opt_params
%type <fn> fn_decl body
%type <head> loop_head
%type <height> scan_begin
%destructor { if ($$ > p->height) p->height = $$; } <height>

%left OR
%left AND
%precedence NOT
%nonassoc EQ NE '<' '>' LE GE
%left '+' '-'
%left '*' '/' '%' '@' FLOORDIV
%precedence NEG
%right POW
%%
program: %empty | program decl { LIST_ADD(p, p->file->decls, $decl); } ;

/* -- recovery ------------------------------------------------------------------------------------------ */
skip: error ';' { yyerrok; } ;
resync: error RESYNC { yyerrok; } ;
resync_members: error RESYNC_MEMBERS { yyerrok; } ;
value: expr ';' { $$ = unbalanced(p, @$) ? expr_error(p, @$) : $expr; }
    | skip { $$ = expr_error(p, @$); }
    | resync block { $$ = expr_error(p, @$); }
    | resync_members member_block { $$ = expr_error(p, @$); } ;
cond: expr | resync { $$ = expr_error(p, @$); } ;
loop_head: pattern IN source { $$ = (LoopHead){$pattern, $source}; }
    | resync { $$ = (LoopHead){0}; } ;

/* -- top level ----------------------------------------------------------------------------------------- */
decl: IMPORT str AS name ';'
      { $$ = stmt_new(p, ST_IMPORT, @$); $$->u.import.path = $str; $$->u.import.as = $name; }
    | option_stmt
    | DIM name LE value { $$ = stmt_new(p, ST_DIM, @$); $$->u.dim.name = $name; $$->u.dim.bound = $value; }
    | DIM name skip { $$ = stmt_let_error(p, $name, @$); }
    | let_stmt
    | fn_stmt
    | VJP name '(' params ')' body
      { $$ = stmt_new(p, ST_VJP, @$); $$->u.fn = $body; $$->u.fn.name = $name; $$->u.fn.params = $params;
        $$->u.fn.params.span = span_join(@3, @5); }
    | VJP name skip { $$ = stmt_new(p, ST_ERROR, @$); }
    | VJP name resync block { $$ = stmt_new(p, ST_ERROR, @$); }
    | layer_decl
    | MODEL name '=' value
      { $$ = stmt_new(p, ST_MODEL, @$); $$->u.model.name = $name; $$->u.model.value = $value; }
    | MODEL name skip { $$ = stmt_let_error(p, $name, @$); }
    | store_decl
    | DATA name opt_params data_block
      { $$ = stmt_new(p, ST_DATA, @$); $$->u.data.name = $name; $$->u.data.params = $opt_params;
        $$->u.data.items = $data_block; }
    | DATA name skip { $$ = stmt_let_error(p, $name, @$); }
    | DATA name resync data_block { $$ = stmt_let_error(p, $name, @$); }
    | TRAIN name train_block
      { $$ = stmt_new(p, ST_TRAIN, @$); $$->u.train.name = $name; $$->u.train.items = $train_block; }
    | TRAIN skip { $$ = stmt_new(p, ST_ERROR, @$); }
    | TRAIN resync train_block { $$ = stmt_new(p, ST_ERROR, @$); }
    | EXPORT fn_decl { $$ = stmt_fn(p, ST_EXPORT, $fn_decl, @$); }
    | EXPORT FN name skip { $$ = stmt_let_error(p, $name, @$); }
    | EXPORT FN name resync block { $$ = stmt_let_error(p, $name, @$); }
    | TEST str block { $$ = stmt_new(p, ST_TEST, @$); $$->u.test.title = $str; $$->u.test.body = $block; }
    | TEST skip { $$ = stmt_new(p, ST_ERROR, @$); }
    | TEST resync block { $$ = stmt_new(p, ST_ERROR, @$); }
    | skip { $$ = stmt_new(p, ST_ERROR, @$); }
    | resync block { $$ = stmt_new(p, ST_ERROR, @$); }
    ;
option_stmt: OPTION name opt_type '=' value
      { $$ = stmt_new(p, ST_OPTION, @$); $$->u.option.name = $name; $$->u.option.type = $opt_type;
        $$->u.option.value = $value; }
    | OPTION name skip { $$ = stmt_let_error(p, $name, @$); } ;
str: STRLIT
      { $$ = expr_new(p, EX_STR, @$, NULL, NULL); $$->u.str.text = $1.str.text; $$->u.str.len = $1.str.len;
        } ;
opt_params: %empty { $$ = (ParamList){0}; } | '(' params ')' { $$ = $params; $$.span = @$; } ;
fn_decl: FN name '(' params ')' opt_ret body
      { $$ = $body; $$.name = $name; $$.params = $params; $$.params.span = span_join(@3, @5);
        $$.ret = $opt_ret; } ;
fn_stmt: fn_decl { $$ = stmt_fn(p, ST_FN_DECL, $fn_decl, @$); }
    | FN name skip { $$ = stmt_let_error(p, $name, @$); }
    | FN name resync block { $$ = stmt_let_error(p, $name, @$); } ;
body: '=' value { $$ = (FnDecl){.expr = $value}; } | block { $$ = (FnDecl){.body = $block}; } ;
opt_ret: %empty { $$ = NULL; } | ARROW type { $$ = $type; } ;
opt_type: %empty { $$ = NULL; } | ':' type { $$ = $type; } ;

layer_decl: LAYER name '(' params ')' '(' params ')' opt_ret body
      { $$ = stmt_new(p, ST_LAYER_SHORT, @$); $$->u.layer.name = $name;
        $$->u.layer.attrs = $4; $$->u.layer.attrs.span = span_join(@3, @5);
        $$->u.layer.inputs = $7; $$->u.layer.inputs.span = span_join(@6, @8);
        $$->u.layer.ret = $opt_ret; $$->u.layer.expr = $body.expr; $$->u.layer.body = $body.body;
        if (head_torn(p, span_join(@3, @9))) $$ = stmt_let_error(p, $name, @$); }
    | LAYER name '(' params ')' member_block
      { $$ = stmt_new(p, ST_LAYER_LONG, @$); $$->u.layer.name = $name; $$->u.layer.attrs = $params;
        $$->u.layer.attrs.span = span_join(@3, @5); $$->u.layer.body = $member_block; }
    | LAYER name skip { $$ = stmt_let_error(p, $name, @$); }
    | LAYER name resync block { $$ = stmt_let_error(p, $name, @$); }
    | LAYER name resync_members member_block { $$ = stmt_let_error(p, $name, @$); } ;

params: %empty { $$ = (ParamList){0}; } | param_list | param_list ',' ;
param_list: param { $$ = (ParamList){0}; LIST_ADD(p, $$, $param); }
    | param_list ',' param { $$ = $1; LIST_ADD(p, $$, $param); } ;
param: name ':' type { $$ = (Param){$name, $type, NULL, @$}; }
    | name ':' type '=' expr { $$ = (Param){$name, $type, $expr, @$}; } ;

/* -- types --------------------------------------------------------------------------------------------- */
dtype: DTYPE | MASK { $$ = (TokenValue){0}; $$.dtype.type = DT_MASK; } ;
type: STYPE { $$ = type_new(p, TY_STATIC, @$); $$->st = $1.st; }
    | FN { $$ = type_new(p, TY_STATIC, @$); $$->st = ST_FN; }
    | LAYER { $$ = type_new(p, TY_STATIC, @$); $$->st = ST_LAYER; }
    | '[' STYPE ']' { $$ = type_new(p, TY_LIST, @$); $$->st = $2.st; }
    | '[' FN ']' { $$ = type_new(p, TY_LIST, @$); $$->st = ST_FN; }
    | '[' LAYER ']' { $$ = type_new(p, TY_LIST, @$); $$->st = ST_LAYER; }
    | dtype { $$ = type_new(p, TY_TENSOR, @$); $$->is_real = $1.dtype.is_real; $$->dtype = $1.dtype.type; }
    | dtype shape { $$ = $shape; $$->span = @$; $$->is_real = $1.dtype.is_real; $$->dtype = $1.dtype.type; }
    | shape
    | '(' type_list ')' { $$ = type_new(p, TY_TUPLE, @$); $$->items = $type_list; } ;
type_list: type ',' type { $$ = (TypeList){0}; LIST_ADD(p, $$, $1); LIST_ADD(p, $$, $3); }
    | type_list ',' type { $$ = $1; LIST_ADD(p, $$, $type); } ;
shape: '[' ']' { $$ = type_new(p, TY_TENSOR, @$); $$->is_real = $$->has_shape = true; }
    | '[' dims ']' { $$ = type_new(p, TY_TENSOR, @$); $$->is_real = $$->has_shape = true;
                     $$->dims = $dims.data; $$->n_dims = $dims.len; } ;
dims: dimspec
      { $$ = (DimList){0}; LIST_ADD(p, $$, $dimspec); } | dims ',' dimspec { $$ = $1;
        LIST_ADD(p, $$, $dimspec); } ;
dimspec: expr { $$ = (DimSpec){DIM_EXPR, @$, $expr, NULL}; }
    | '*' IDENT { $$ = (DimSpec){DIM_STAR, @$, NULL, $IDENT.text}; }
    | ELLIPSIS { $$ = (DimSpec){DIM_ELLIPSIS, @$, NULL, NULL}; } ;

/* -- items shared by several kinds of block -------------------------------------------------------------- */
let_stmt: LET pattern opt_type '=' value { $$ = stmt_let(p, ST_LET, $pattern, $opt_type, $value, @$); }
    | LET pattern skip { $$ = stmt_let(p, ST_LET, $pattern, NULL, expr_error(p, @skip), @$); } ;
var_stmt: VAR pattern opt_type '=' value { $$ = stmt_let(p, ST_VAR, $pattern, $opt_type, $value, @$); }
    | VAR pattern skip { $$ = stmt_let(p, ST_VAR, $pattern, NULL, expr_error(p, @skip), @$); } ;
assign_stmt: postfix '=' value { $$ = stmt_assign(p, ST_ASSIGN, $postfix, $value, @$); } ;
update_stmt: UPDATE postfix '=' value { $$ = stmt_assign(p, ST_UPDATE, $postfix, $value, @$); } ;
assert_stmt: ASSERT value { $$ = stmt_assert(p, $value, NULL, @$); }
    | ASSERT expr ',' str ';' { $$ = stmt_assert(p, $expr, $str, @$); } ;
store_decl: PARAM name ':' type '=' expr opt_with ';'
      { $$ = stmt_store(p, ST_PARAM, $name, $type, $expr, $opt_with, @$); }
    | STATE name ':' type '=' expr opt_with ';'
      { $$ = stmt_store(p, ST_STATE, $name, $type, $expr, $opt_with, @$); }
    | PARAM name ':' type '=' skip
      { $$ = stmt_store(p, ST_PARAM, $name, $type, expr_error(p, @skip), (NamedList){0}, @$); }
    | STATE name ':' type '=' skip
      { $$ = stmt_store(p, ST_STATE, $name, $type, expr_error(p, @skip), (NamedList){0}, @$); }
    | PARAM name skip { $$ = stmt_let_error(p, $name, @$); }
    | STATE name skip { $$ = stmt_let_error(p, $name, @$); } ;
opt_with: %empty { $$ = (NamedList){0}; } | WITH named_list { $$ = $named_list; } ;

/* -- members of a layer ----------------------------------------------------------------------------------- */
member_block: '{' members '}' { $$ = $members; $$.span = @$; } ;
members: %empty { $$ = (StmtList){0}; } | members member { $$ = $1; LIST_ADD(p, $$, $member); } ;
member: store_decl | let_stmt | var_stmt | assign_stmt | fn_stmt | if_member | assert_stmt
    | FOR skip { $$ = stmt_new(p, ST_ERROR, @$); }
    | FOR loop_head member_block { $$ = stmt_for(p, $loop_head, $member_block, @$); }
    | skip { $$ = stmt_new(p, ST_ERROR, @$); }
    | resync block { $$ = stmt_new(p, ST_ERROR, @$); } ;
if_member: IF skip { $$ = stmt_new(p, ST_ERROR, @$); }
    | IF cond member_block { $$ = stmt_if(p, $cond, $member_block, NULL, @$); }
    | IF cond member_block ELSE member_block { $$ = stmt_if(p, $cond, $3, &$5, @$); }
    | IF cond member_block ELSE if_member
      { StmtList l = list_of(p, $5); $$ = stmt_if(p, $cond, $member_block, &l, @$); } ;

/* -- data ------------------------------------------------------------------------------------------------- */
data_block: '{' data_items '}' { $$ = $data_items; $$.span = @$; } ;
data_items: %empty { $$ = (StmtList){0}; } | data_items data_item { $$ = $1; LIST_ADD(p, $$, $data_item); } ;
data_item: name ':' type FROM value { $$ = stmt_field(p, ST_FIELD_FROM, $name, $type, $value, @$); }
    | name ':' type '=' value { $$ = stmt_field(p, ST_FIELD_COMPUTED, $name, $type, $value, @$); }
    | name ':' skip { $$ = stmt_field(p, ST_FIELD_COMPUTED, $name, NULL, expr_error(p, @skip), @$); }
    | IDENT '=' value { $$ = stmt_setting(p, $IDENT, $value, @$); }
    | skip { $$ = stmt_new(p, ST_ERROR, @$); } ;

/* -- train ------------------------------------------------------------------------------------------------ */
train_block: '{' train_items '}' { $$ = $train_items; $$.span = @$; } ;
train_items: %empty
      { $$ = (StmtList){0}; } | train_items train_item { $$ = $1; LIST_ADD(p, $$, $train_item); } ;
train_item: IDENT '=' value { $$ = stmt_setting(p, $IDENT, $value, @$); }
    | let_stmt | option_stmt | update_stmt | if_train
    | LOAD postfix FROM expr ';' { $$ = stmt_file(p, ST_LOAD, $postfix, $expr, NULL, (NamedList){0}, @$); }
    | LOAD postfix FROM expr WITH named_list ';'
      { $$ = stmt_file(p, ST_LOAD, $postfix, $expr, NULL, $named_list, @$); }
    | LOAD postfix FROM expr AS expr opt_with ';'
      { $$ = stmt_file(p, ST_LOAD, $postfix, $4, $6, $opt_with, @$); }
    | SAVE postfix TO expr ';' { $$ = stmt_file(p, ST_SAVE, $postfix, $expr, NULL, (NamedList){0}, @$); }
    | PHASE name train_block
      { $$ = stmt_new(p, ST_PHASE, @$); $$->u.train.name = $name; $$->u.train.items = $train_block; }
    | PHASE skip { $$ = stmt_new(p, ST_ERROR, @$); }
    | PHASE resync train_block { $$ = stmt_new(p, ST_ERROR, @$); }
    | FOR skip { $$ = stmt_new(p, ST_ERROR, @$); }
    | FOR loop_head train_block { $$ = stmt_for(p, $loop_head, $train_block, @$); }
    | EACH skip { $$ = stmt_new(p, ST_ERROR, @$); }
    | EACH loop_head block { $$ = stmt_each(p, $loop_head, $block, NULL, @$); }
    | EACH loop_head block THEN block { $$ = stmt_each(p, $loop_head, $3, &$5, @$); }
    | EVAL pattern IN expr block { $$ = stmt_eval(p, $pattern, $expr, NULL, $block, @$); }
    | EVAL pattern IN expr EVERY expr block { $$ = stmt_eval(p, $pattern, $4, $6, $block, @$); }
    | EVAL skip { $$ = stmt_new(p, ST_ERROR, @$); }
    | EVAL resync block { $$ = stmt_new(p, ST_ERROR, @$); }
    | skip { $$ = stmt_new(p, ST_ERROR, @$); }
    | resync block { $$ = stmt_new(p, ST_ERROR, @$); } ;
if_train: IF skip { $$ = stmt_new(p, ST_ERROR, @$); }
    | IF cond train_block { $$ = stmt_if(p, $cond, $train_block, NULL, @$); }
    | IF cond train_block ELSE train_block { $$ = stmt_if(p, $cond, $3, &$5, @$); }
    | IF cond train_block ELSE if_train
      { StmtList l = list_of(p, $5); $$ = stmt_if(p, $cond, $train_block, &l, @$); } ;
source: expr { $$ = (Range){$expr, NULL, @$}; } | range ;
range: expr DOTDOT expr { $$ = (Range){$1, $3, @$}; } ;

/* -- statements ------------------------------------------------------------------------------------------- */
block: '{' stmts '}' { $$ = $stmts; $$.span = @$; } ;
stmts: %empty { $$ = (StmtList){0}; } | stmts stmt { $$ = $1; LIST_ADD(p, $$, $stmt); } ;
stmt: let_stmt | var_stmt | assign_stmt | update_stmt | store_decl | assert_stmt | if_stmt
    | WHEN skip { $$ = stmt_new(p, ST_ERROR, @$); }
    | WHEN cond block { $$ = stmt_if(p, $cond, $block, NULL, @$); if ($$->kind == ST_IF) $$->kind = ST_WHEN; }
    | FOR skip { $$ = stmt_new(p, ST_ERROR, @$); }
    | FOR loop_head block { $$ = stmt_for(p, $loop_head, $block, @$); }
    | RETURN value { $$ = stmt_value(p, ST_RETURN, $value, @$); }
    | YIELD value { $$ = stmt_value(p, ST_YIELD, $value, @$); }
    | NEXT named_list ';' { $$ = stmt_new(p, ST_NEXT, @$); $$->u.next = $named_list; }
    | MINIMIZE expr OVER expr_list opt_except USING expr ';'
      { $$ = stmt_new(p, ST_MINIMIZE, @$); $$->u.minimize.loss = $2; $$->u.minimize.over = $expr_list;
        $$->u.minimize.except = $opt_except; $$->u.minimize.optimizer = $7; }
    | REPORT report_list ';' { $$ = stmt_new(p, ST_REPORT, @$); $$->u.report = $report_list; }
    | FINISH block { $$ = stmt_new(p, ST_FINISH, @$); $$->u.block = $block; }
    | PRINT '(' args ')' ';'
      { $$ = stmt_new(p, ST_PRINT, @$); $$->u.print = $args; $$->u.print.span = span_join(@2, @4); }
    | skip { $$ = stmt_new(p, ST_ERROR, @$); }
    | resync block { $$ = stmt_new(p, ST_ERROR, @$); } ;
if_stmt: IF skip { $$ = stmt_new(p, ST_ERROR, @$); }
    | IF cond block { $$ = stmt_if(p, $cond, $block, NULL, @$); }
    | IF cond block ELSE block { $$ = stmt_if(p, $cond, $3, &$5, @$); }
    | IF cond block ELSE if_stmt { StmtList l = list_of(p, $5); $$ = stmt_if(p, $cond, $block, &l, @$); } ;
opt_except: %empty { $$ = (ExprList){0}; } | EXCEPT expr_list { $$ = $expr_list; } ;
report_list: report_item { $$ = (NamedList){0}; LIST_ADD(p, $$, $report_item); }
    | report_list ',' report_item { $$ = $1; LIST_ADD(p, $$, $report_item); } ;
report_item: name { $$ = (Named){$name, NULL}; } | named ;
pattern: name
      { $$ = pattern_name(p, $name); } | '(' pattern_list ')' { $$ = pattern_tuple(p, $pattern_list, @$); } ;
pattern_list: pattern ',' pattern { $$ = (PatternList){0}; LIST_ADD(p, $$, $1); LIST_ADD(p, $$, $3); }
    | pattern_list ',' pattern { $$ = $1; LIST_ADD(p, $$, $pattern); } ;

/* -- expressions ------------------------------------------------------------------------------------------ */
expr: IF expr THEN expr ELSE expr
      { $$ = expr_new(p, EX_IF, @$, $2, $4); expr_over(p, $$, $6);
        $$->u.cond.cond = $2; $$->u.cond.then = $4; $$->u.cond.otherwise = $6; }
    | FN '(' lparams ')' FATARROW expr
      { $$ = expr_new(p, EX_LAMBDA, @$, $6, NULL); $$->u.lambda.params = $lparams; $$->u.lambda.body = $6; }
    | pipe ;
lparams: %empty { $$ = (NameList){0}; } | names | names ',' ;
names: name
      { $$ = (NameList){0}; LIST_ADD(p, $$, $name); } | names ',' name { $$ = $1; LIST_ADD(p, $$, $name); } ;
pipe: op
    | pipe PIPE postfix
      { $$ = expr_new(p, EX_PIPE, @$, $1, $postfix); $$->u.pipe.left = $1; $$->u.pipe.right = $postfix; } ;
op: postfix
    | op OR op { $$ = expr_binary(p, BIN_OR, $1, $3, @2, @$); }
    | op AND op { $$ = expr_binary(p, BIN_AND, $1, $3, @2, @$); }
    | NOT op { $$ = expr_unary(p, UN_NOT, $2, @$); }
    | op EQ op { $$ = expr_binary(p, BIN_EQ, $1, $3, @2, @$); }
    | op NE op { $$ = expr_binary(p, BIN_NE, $1, $3, @2, @$); }
    | op '<' op { $$ = expr_binary(p, BIN_LT, $1, $3, @2, @$); }
    | op '>' op { $$ = expr_binary(p, BIN_GT, $1, $3, @2, @$); }
    | op LE op { $$ = expr_binary(p, BIN_LE, $1, $3, @2, @$); }
    | op GE op { $$ = expr_binary(p, BIN_GE, $1, $3, @2, @$); }
    | op '+' op { $$ = expr_binary(p, BIN_ADD, $1, $3, @2, @$); }
    | op '-' op { $$ = expr_binary(p, BIN_SUB, $1, $3, @2, @$); }
    | op '*' op { $$ = expr_binary(p, BIN_MUL, $1, $3, @2, @$); }
    | op '/' op { $$ = expr_binary(p, BIN_DIV, $1, $3, @2, @$); }
    | op '%' op { $$ = expr_binary(p, BIN_MOD, $1, $3, @2, @$); }
    | op '@' op { $$ = expr_binary(p, BIN_MATMUL, $1, $3, @2, @$); }
    | op FLOORDIV op { $$ = expr_binary(p, BIN_FLOORDIV, $1, $3, @2, @$); }
    | '-' op %prec NEG { $$ = expr_unary(p, UN_NEG, $2, @$); }
    | op POW op { $$ = expr_binary(p, BIN_POW, $1, $3, @2, @$); } ;
postfix: primary
    | postfix '(' args ')'
      { ArgList l = $args; l.span = span_join(@2, @4);
        $$ = absent(@4) ? expr_error(p, @$) : expr_call(p, $1, l, @$); }
    | postfix '[' subs ']' { $$ = absent(@4) ? expr_error(p, @$) : expr_index(p, $1, $subs, @$); }
    | postfix '.' IDENT
      { $$ = expr_new(p, EX_MEMBER, @$, $1, NULL); $$->u.member.base = $1; $$->u.member.name = $IDENT; } ;
name: IDENT | MODEL | DATA | TEST | PHASE | EVERY | OVER | EXCEPT | USING | FROM | TO | EXPORT | DIM | IMPORT | AS | OPTION
    | FINISH | MASK ;
primary: INTLIT
      { $$ = expr_new(p, EX_INT, @$, NULL, NULL); $$->u.i.value = $1.i.value;
        $$->u.i.too_big = $1.i.too_big; }
    | FLOATLIT { $$ = expr_new(p, EX_FLOAT, @$, NULL, NULL); $$->u.f = $1.f; }
    | str
    | BOOL { $$ = expr_new(p, EX_BOOL, @$, NULL, NULL); $$->u.b = $1.b; }
    | name { $$ = expr_name(p, $name); }
    | DTYPE
      { $$ = expr_new(p, EX_DTYPE, @$, NULL, NULL); $$->u.dtype.is_real = $1.dtype.is_real;
        $$->u.dtype.type = $1.dtype.type; }
    | '(' expr ')' { $$ = $expr; $$->in_parens = true; }
    | '(' expr ',' expr_list opt_comma ')' { $$ = expr_list(p, EX_TUPLE, exprs_before(p, $2, $4), @$); }
    | '[' opt_comma_list ']' { $$ = absent(@3) ? expr_error(p, @$) : expr_list(p, EX_LIST, $2, @$); }
    | '[' expr FOR pattern IN source ']'
      { $$ = expr_new(p, EX_COMPREHENSION, @$, $2, $source.from); expr_over(p, $$, $source.to);
        $$->u.comp.value = $2; $$->u.comp.pattern = $pattern; $$->u.comp.in = $source; }
    | scan_begin '(' pattern IN source opt_named SCAN_SEMI named_list ')' block
      { $$ = expr_scan(p, $1, $pattern, $source, $opt_named, $named_list, $block, @$); }
    | scan_begin '(' pattern IN source opt_named ')' block
      { $$ = expr_scan(p, $1, $pattern, $source, $opt_named, (NamedList){0}, $block, @$); }
    | EINSUM '(' expr_list ARROW shape ')'
      { $$ = expr_list(p, EX_EINSUM, $expr_list, @$); $$->u.einsum.operands = $expr_list;
        $$->u.einsum.result = $shape; }
    | REARRANGE '(' expr ARROW shape opt_named ')'
      { $$ = expr_rearrange(p, NULL, $expr, $shape, $opt_named, @$); }
    | REDUCE '(' IDENT ',' expr ARROW shape opt_named ')'
      { $$ = expr_rearrange(p, &$IDENT, $expr, $shape, $opt_named, @$); } ;
scan_begin: SCAN { $$ = p->height; p->height = 0; } ;
opt_comma: %empty | ',' ;
opt_comma_list: %empty { $$ = (ExprList){0}; } | expr_list opt_comma ;
opt_named: %empty { $$ = (NamedList){0}; } | ',' named_list { $$ = $named_list; } ;
named_list: named { $$ = (NamedList){0}; LIST_ADD(p, $$, $named); }
    | named_list ',' named { $$ = $1; LIST_ADD(p, $$, $named); } ;
named: name '=' expr { $$ = (Named){$name, $expr}; } ;
expr_list: expr
      { $$ = (ExprList){0}; LIST_ADD(p, $$, $expr); } | expr_list ',' expr { $$ = $1;
        LIST_ADD(p, $$, $expr); } ;
args: %empty { $$ = (ArgList){0}; } | arg_list | arg_list ',' ;
arg_list: arg
      { $$ = (ArgList){0}; LIST_ADD(p, $$, $arg); } | arg_list ',' arg { $$ = $1; LIST_ADD(p, $$, $arg); } ;
arg: expr
      { $$ = (Arg){NULL, $expr->span, $expr}; } | named { $$ = (Arg){$1.name.text, $1.name.span, $1.value};
        } ;
subs: sub { $$ = (SubList){0}; LIST_ADD(p, $$, $sub); } | subs ',' sub { $$ = $1; LIST_ADD(p, $$, $sub); } ;
sub: expr { $$ = (Sub){.kind = SUB_INDEX, .span = @$, .index = $expr}; }
    | ELLIPSIS { $$ = (Sub){.kind = SUB_ELLIPSIS, .span = @$}; }
    | slice
    | slice BY expr { $$ = $slice; $$.span = @$; $$.step = $expr; } ;
slice: DOTDOT { $$ = (Sub){.kind = SUB_SLICE, .span = @$}; }
    | expr DOTDOT { $$ = (Sub){.kind = SUB_SLICE, .span = @$, .from = $expr}; }
    | DOTDOT expr { $$ = (Sub){.kind = SUB_SLICE, .span = @$, .to = $expr}; }
    | expr DOTDOT expr { $$ = (Sub){.kind = SUB_SLICE, .span = @$, .from = $1, .to = $3}; } ;
%%

/* The parser's own symbol numbers as token codes, which the rest of the front end knows. */
static int token_code(yysymbol_kind_t symbol) {
  for (int code = 0; code <= YYMAXUTOK; code++)
    if (YYTRANSLATE(code) == symbol) return code;
  return T_INVALID;
}

static int yyreport_syntax_error(const yypcontext_t *context, Parser *p) {
  yysymbol_kind_t symbols[YYNTOKENS];
  int expected[YYNTOKENS];
  int n = yypcontext_expected_tokens(context, symbols, YYNTOKENS);
  for (int i = 0; i < n; i++) expected[i] = token_code(symbols[i]);
  syntax_error(p, expected, n);
  return 0;
}
